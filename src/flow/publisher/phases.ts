// Where the time went, counted once for each job and each runner: when its end is counted, as its trace is told then.
// Whose end is handed on to another host is counted there, which is the last to count it.

import type { Commit } from '../../core/commit.ts';
import type { JobKey } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { faultOf, type Phase, phasesOfJob, phasesOfRunner } from '../../core/phases.ts';
import { poolOfLane } from '../../core/scope.ts';
import type { Books } from '../../ports/jobs-table.ts';
import type { Labels, Telemetry } from '../../ports/telemetry.ts';
import { metrics } from './metrics.ts';

const metricOf: Readonly<Record<Phase['name'], string>> = {
  'event delivery': metrics.eventDeliveryMs,
  queue: metrics.queueMs,
  run: metrics.runMs,
  launch: metrics.launchMs,
  boot: metrics.bootMs,
  register: metrics.registerMs,
  'pick-up': metrics.pickUpMs,
  end: metrics.endMs,
};

export function observePhases(
  telemetry: Telemetry,
  commit: Commit,
  books: Pick<Books, 'jobs' | 'runners'>,
): void {
  for (const job of commit.jobs) {
    if (job.phase !== 'completed' || job.dirty !== null || job.route.kind !== 'lane') continue;
    tell(phasesOfJob(job), { host: job.route.host, pool: poolOfLane(job.route.lane) });
  }
  const before = new Map(books.runners.map((runner) => [runner.name, runner]));
  const jobs = new Map<JobKey, Job>([...books.jobs, ...commit.jobs].map((job) => [job.key, job]));
  for (const runner of commit.runners) {
    const isOver = runner.counted === null && before.get(runner.name)?.counted != null;
    if (!isOver) continue;
    const { host, pool } = runner;
    tell(phasesOfRunner(runner, (runner.job && jobs.get(runner.job)) ?? null), { host, pool });
    const cause = faultOf(runner);
    if (cause !== null) telemetry.count(metrics.runnersFailed, { host, pool, cause });
  }

  function tell(phases: readonly Phase[], labels: Labels): void {
    for (const { name, startMs, endMs } of phases) telemetry.observe(metricOf[name], endMs - startMs, labels);
  }
}
