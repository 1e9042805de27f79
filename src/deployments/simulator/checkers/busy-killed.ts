// P4: no call of ours ends a machine whose runner was given a job, before the wall of its pool.

import type { RunnerName } from '../../../core/ids.ts';
import type { Checker, Scene } from './checker.ts';

/** Our clock of a job starts when we learn of it, GitHub's a moment before or after. */
const wallToleranceMs = 10_000;

export function createBusyKilledChecker(scene: Scene): Checker {
  return {
    toldToEnd(_host, name) {
      check(name, 'is told to end');
    },
    died(_host, machine, cause) {
      if (cause === 'it was told to end') check(machine.name, 'was ended');
    },
  };

  function check(name: RunnerName, how: string): void {
    const runner = scene.gitHubRunners.get(name);
    const job = runner?.job;
    if (!job || job.status === 'completed' || job.cancelRequested) return;
    const record = scene.truth.runners.get(name);
    const wallMs = scene.configuration.pools.find((pool) => pool.name === record?.pool)?.jobMsMax ?? 0;
    if (job.status === 'in_progress' && job.startedAt + wallMs <= scene.clock.now() + wallToleranceMs) return;
    scene.fail(
      'busyKilled',
      `the machine of ${name} ${how} while GitHub has job ${job.id} (${job.status}) on it`,
      [name, String(job.id)],
    );
  }
}
