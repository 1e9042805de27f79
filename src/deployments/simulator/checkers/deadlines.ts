// P5: every state has a deadline, and somebody acts when it passes.

import { jobDeadline, runnerDeadline } from '../../../core/deadline.ts';
import type { Checker, Scene } from './checker.ts';

/** Nothing is overdue for longer than faults may take to be repaired. */
const overdueMsMax = 5 * 60_000;

export function createDeadlinesChecker(scene: Scene): Checker {
  const { truth, clock } = scene;
  return {
    look() {
      const now = clock.now();
      for (const runner of truth.runnersAlive.values()) {
        const deadline = runnerDeadline(runner, scene.timesOf(runner.pool, runner.host));
        if (deadline === null)
          scene.fail('deadlines', `runner ${runner.name} (${runner.state}) has no deadline`, [runner.name]);
        else if (deadline.at + overdueMsMax < now) {
          const lateS = Math.round((now - deadline.at) / 1_000);
          scene.fail(
            'deadlines',
            `runner ${runner.name} (${runner.state}): ${deadline.duty} is ${lateS} s overdue`,
            [runner.name],
          );
        }
      }
      for (const job of truth.jobsOpen.values()) {
        const deadline = jobDeadline(job);
        if (deadline && deadline.at + overdueMsMax < now) {
          const lateS = Math.round((now - deadline.at) / 1_000);
          scene.fail('deadlines', `job ${job.id} (${job.phase}): ${deadline.duty} is ${lateS} s overdue`, [
            String(job.id),
          ]);
        }
      }
    },
  };
}
