// A runner is done when its own job has ended, by GitHub's word, and not before: what is done is ended after a grace,
// and nothing of its job counts any more. Only a list that lacked it twice may be mistaken.

import type { RunnerName } from '../../../core/ids.ts';
import type { Checker, Scene } from './checker.ts';

export function createDoneChecker(scene: Scene): Checker {
  const done = new Set<RunnerName>();
  return {
    runnerWritten(runner) {
      if (runner.doneAt === null || done.has(runner.name)) return;
      done.add(runner.name);
      if (runner.missing > 0) return;
      const job = scene.gitHubRunners.get(runner.name)?.job;
      if (job?.status === 'in_progress')
        scene.fail('done', `runner ${runner.name} is done, and GitHub has job ${job.id} at work on it`, [
          runner.name,
          String(job.id),
        ]);
    },
  };
}
