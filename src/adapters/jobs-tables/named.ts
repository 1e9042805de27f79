// What the items of a plan name: it is read with them, so that the plan sees both sides.

import type { HostName, JobKey, LaneKey, RunnerName } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { Runner } from '../../core/runner.ts';

/** The jobs that runners were ordered for, or run, except those that are read already. */
export function jobsNamed(runners: readonly Runner[], read: ReadonlySet<JobKey>): Set<JobKey> {
  const keys = new Set<JobKey>();
  for (const { forJob, job } of runners)
    for (const key of [forJob, job]) if (key !== null && !read.has(key)) keys.add(key);
  return keys;
}

/** The runners that took jobs, by the names that GitHub told, strangers' among them, except those read already. */
export function runnersNamed(jobs: readonly Job[], read: ReadonlySet<RunnerName>): Set<RunnerName> {
  const names = new Set<RunnerName>();
  for (const { runner } of jobs) {
    const name = runner?.name as RunnerName | undefined;
    if (name !== undefined && !read.has(name)) names.add(name);
  }
  return names;
}

/** The lanes of this host in which jobs are counted or belong, and which runners serve. */
export function lanesNamed(host: HostName, jobs: readonly Job[], runners: readonly Runner[]): Set<LaneKey> {
  const keys = new Set<LaneKey>();
  for (const { counted, route } of jobs) {
    if (counted?.host === host) keys.add(counted.lane);
    if (route.kind === 'lane' && route.host === host) keys.add(route.lane);
  }
  for (const runner of runners) if (runner.host === host && runner.lane !== null) keys.add(runner.lane);
  return keys;
}
