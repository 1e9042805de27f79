// What happens in the demo: workflows start one after the other; somebody approves, somebody cancels.

import type { Job, WorkflowRun } from '../../../adapters/github/simulated/state.ts';
import { demoWorkflows } from '../../../adapters/github/simulated/workflows.ts';
import type { World } from '../../../adapters/github/simulated/world.ts';
import type { Clock } from '../../../ports/clock.ts';
import { demoRepository } from './configuration.ts';

/** When each workflow starts, so that a person can see them come. */
const startsAfterMs: Readonly<Record<string, number>> = {
  lint: 0,
  matrix: 500,
  overlap: 2_000,
  failing: 4_000,
  'cancelled while waiting': 5_000,
  gated: 6_000,
};
/** A job that fits no pool waits for so long before somebody cancels it. */
const patienceMs = 8_000;
/** Somebody needs a moment to approve. */
const approvalMs = 2_000;
const lookMs = 200;
/** If something goes wrong, the demo still ends, and its summary tells. */
const storyMsMax = 180_000;

export interface Story {
  /** Resolves when all has ended, or when it takes far too long. */
  over: Promise<void>;
  runs(): readonly WorkflowRun[];
}

export function tellStory(world: World, clock: Clock, say: (text: string) => void): Story {
  const runs: WorkflowRun[] = [];
  const workflows = demoWorkflows();
  const begunAt = clock.now();
  for (const workflow of workflows) {
    clock.after(startsAfterMs[workflow.name] ?? 0, () => {
      const run = world.startRun(demoRepository, workflow);
      runs.push(run);
      say(
        `the workflow “${workflow.name}” starts with ${run.jobs.length} ${run.jobs.length === 1 ? 'job' : 'jobs'}`,
      );
      if (workflow.name === 'cancelled while waiting') clock.after(patienceMs, () => cancel(run));
    });
  }
  return { runs: () => runs, over: untilOver() };

  function cancel(run: WorkflowRun): void {
    say(`somebody cancels “${run.workflow.name}”`);
    world.cancelRun(run.id);
  }

  async function untilOver(): Promise<void> {
    const approving = new Set<Job>();
    const isOver = () => runs.length === workflows.length && runs.every((run) => run.status === 'completed');
    while (!isOver() && clock.now() < begunAt + storyMsMax) {
      await clock.sleep(lookMs);
      for (const run of runs) approveWaiting(run, approving);
    }
  }

  function approveWaiting(run: WorkflowRun, approving: Set<Job>): void {
    for (const job of run.jobs) {
      if (job.status !== 'waiting' || approving.has(job)) continue;
      approving.add(job);
      clock.after(approvalMs, () => {
        say(`somebody approves “${job.name}” of “${run.workflow.name}”`);
        world.approve(run.id, job.name);
      });
    }
  }
}
