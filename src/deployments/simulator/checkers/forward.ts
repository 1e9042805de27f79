// P10: effects happen once. What is known of a job or a runner only moves forward, whatever comes twice, late or in the
// wrong order: phases and states never go back, and what can not be undone is never taken back.

import type { JobKey, RunnerName } from '../../../core/ids.ts';
import type { Job, JobPhase } from '../../../core/job.ts';
import type { Runner, RunnerState } from '../../../core/runner.ts';
import type { Checker, Scene } from './checker.ts';

/** Written down once more, so that it is not the core's own word against itself. */
const phases: readonly JobPhase[] = ['gated', 'queued', 'in_progress', 'completed'];
const states: readonly RunnerState[] = [
  'ordered',
  'launching',
  'launched',
  'standby',
  'claimed',
  'online',
  'assigned',
  'busy',
  'ending',
  'gone',
];

/** Moments after which something is so for ever. */
const moments = [
  'markedAt',
  'launchedAt',
  'busyAt',
  'doneAt',
  'removedAt',
  'goneAt',
  'activatedAs',
] as const satisfies (keyof Runner)[];

export function createForwardChecker(scene: Scene): Checker {
  const jobs = new Map<JobKey, Job>();
  const runners = new Map<RunnerName, Runner>();

  return {
    jobWritten(job) {
      const before = jobs.get(job.key);
      jobs.set(job.key, job);
      if (before && phases.indexOf(job.phase) < phases.indexOf(before.phase))
        scene.fail('forward', `job ${job.id} goes back from ${before.phase} to ${job.phase}`, [
          String(job.id),
        ]);
    },
    runnerWritten(runner) {
      const before = runners.get(runner.name);
      runners.set(runner.name, runner);
      if (!before) return;
      if (states.indexOf(runner.state) < states.indexOf(before.state))
        scene.fail('forward', `runner ${runner.name} goes back from ${before.state} to ${runner.state}`, [
          runner.name,
        ]);
      for (const moment of moments) {
        if (before[moment] !== null && runner[moment] !== before[moment])
          scene.fail('forward', `runner ${runner.name}: ${moment} was known, and is changed`, [runner.name]);
      }
    },
  };
}
