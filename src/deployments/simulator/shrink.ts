// From a failure to a small one: fault kinds are switched off as long as it still fails in the same way, and the
// workload is made shorter.

import type { Outcome, Task } from './campaign.ts';
import { chooseFaults } from './faults.ts';

/** Fewer jobs than these hardly make a storm. */
const jobsMin = 10;
/** Kinds are first switched off by so many. */
const chunkMax = 16;

/** The smallest task found that fails by the same checker; `onTry` hears of each try. */
export async function shrink(
  failed: Outcome,
  run: (task: Task) => Promise<Outcome>,
  onTry: (tried: Task, fails: boolean) => void,
): Promise<Task> {
  let best = failed.task;
  const stillFails = async (task: Task): Promise<boolean> => {
    const { violation } = await run(task);
    const fails = violation?.checker === failed.violation?.checker;
    onTry(task, fails);
    if (fails) best = task;
    return fails;
  };

  await withFewerJobs();
  await withFewerKinds();
  await withFewerJobs();
  return best;

  async function withFewerJobs(): Promise<void> {
    for (let jobs = Math.floor(best.jobs / 2); jobs >= jobsMin; jobs = Math.floor(jobs / 2)) {
      if (!(await stillFails({ ...best, jobs }))) return;
    }
  }

  async function withFewerKinds(): Promise<void> {
    for (let size = chunkMax; size >= 1; size = Math.floor(size / 2)) {
      for (let from = 0; from < kindsOf(best).length; ) {
        const kinds = kindsOf(best);
        const fewer = kinds.filter((_, i) => i < from || i >= from + size);
        if (!(await stillFails({ ...best, faults: `${profileOf(best)}:${fewer.join(',')}` }))) from += size;
      }
    }
  }
}

function kindsOf({ faults }: Task): string[] {
  const choice = chooseFaults(faults);
  return 'problem' in choice ? [] : Object.keys(choice.rates);
}

function profileOf({ faults }: Task): string {
  return faults.split(':')[0] ?? faults;
}
