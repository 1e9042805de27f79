// One task of a campaign, from its terms to what is kept of it.

import type { Outcome, Task } from './campaign.ts';
import { clairvoyantWaits } from './clairvoyant.ts';
import { chooseFaults } from './faults.ts';
import type { Counts } from './recorder.ts';
import { type Result, runSimulation } from './simulation.ts';

export async function simulate({
  seed,
  faults,
  jobs,
}: Task): Promise<Result & { profile: Outcome['profile'] }> {
  const choice = chooseFaults(faults);
  if ('problem' in choice) throw new Error(choice.problem);
  const result = await runSimulation({ seed, rates: choice.rates, jobs });
  return { ...result, profile: choice.profile };
}

export async function outcomeOf(task: Task): Promise<Outcome> {
  const result = await simulate(task);
  const [first] = result.violations;
  return {
    task,
    profile: result.profile,
    violation: first ? { checker: first.checker, text: first.text } : null,
    violations: result.violations.length,
    deficitsMs: result.deficits.map((deficit) => deficit.ms),
    worstDeficit: result.deficits.toSorted((a, b) => b.ms - a.ms)[0] ?? null,
    injected: [...result.injected],
    steps: result.steps,
    virtualMs: result.virtualMs,
    jobs: result.jobs,
    started: result.started,
    launches: result.births - aliveAtEnd(result),
    asks: sum(result.counts, 'reconciler_asks_total'),
    meanWaitMs: mean(result.waitsMs),
    clairvoyantWaitMs: result.profile === 'calm' ? mean(clairvoyantWaits(result.world)) : 0,
    hash: result.hash,
  };
}

function sum(counts: Counts, start: string): number {
  let total = 0;
  for (const [name, count] of counts) if (name.startsWith(start)) total += count;
  return total;
}

function mean(numbers: readonly number[]): number {
  return numbers.length === 0 ? 0 : numbers.reduce((a, b) => a + b, 0) / numbers.length;
}

/** Spares that stand by at the end were launched for no job yet. */
function aliveAtEnd({ truth }: Result): number {
  return truth.runnersAlive.size;
}
