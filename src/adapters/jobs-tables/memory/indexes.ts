// Every look-up of the table that is not by key. What decides is up to date; what may lag lags if asked to.

import type { HostName, JobKey, LaneKey, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Job, JobClass } from '../../../core/job.ts';
import { lanePlaces } from '../../../core/lane-places.ts';
import type { Lane } from '../../../core/ledger.ts';
import type { Runner, RunnerClass } from '../../../core/runner.ts';
import type { Clock, EpochMs } from '../../../ports/clock.ts';
import type { ItemKey, Sweep } from '../../../ports/jobs-table.ts';
import type { JobPlaces, RunnerPlaces } from '../places.ts';
import { createJobCounts } from './job-counts.ts';
import { createTableIndex, type Lag, type Place } from './table-index.ts';

/** The look-ups that may lag, by the names that they have in the port. */
export type LaggingIndex =
  | 'jobsOfLane'
  | 'jobsRefused'
  | 'jobsCounted'
  | 'runnersOfLane'
  | 'runnersOfHost'
  | 'uncounted'
  | 'dueRunners'
  | 'dueJobs';

interface Uncounted {
  item: ItemKey;
  since: EpochMs;
}

/** Of an index that has no buckets. */
const all = '';

export function createIndexes(lagging: { clock: Clock; ms: (index: LaggingIndex) => number } | null) {
  const lag = (index: LaggingIndex): Lag | null =>
    lagging === null ? null : { clock: lagging.clock, ms: () => lagging.ms(index) };

  const jobsOfLane = createTableIndex<Job>(lag('jobsOfLane'));
  const jobsRefused = createTableIndex<Job>(lag('jobsRefused'));
  const jobsCounted = createTableIndex<Job>(lag('jobsCounted'));
  const jobsEnded = createTableIndex<Job>(null);
  const jobsByLane = createJobCounts();
  const runnersOfLane = createTableIndex<Runner>(lag('runnersOfLane'));
  const runnersOfHost = createTableIndex<Runner>(lag('runnersOfHost'));
  const runnersEnded = createTableIndex<Runner>(null);
  const census = createTableIndex<Runner>(null);
  const uncounted = createTableIndex<Uncounted>(lag('uncounted'));
  const dueJobs = createTableIndex<JobKey>(lag('dueJobs'));
  const dueRunners = createTableIndex<RunnerName>(lag('dueRunners'));
  const queue = createTableIndex<Lane>(null);
  const timed = createTableIndex<Lane>(null);
  const sweeps = createTableIndex<Sweep>(null);

  function placeJob(job: Job, places: JobPlaces | null): void {
    const { key } = job;
    const lane = places?.countedLane ?? null;
    jobsOfLane.put(key, lane === null ? null : place(`${places?.countedClass} ${lane}`, job.createdAt), job);
    jobsCounted.put(key, place(places?.countedHost ?? null), job);
    jobsRefused.put(key, place(places?.isRefused ? all : null), job);
    jobsEnded.put(key, timePlace(all, places?.endedAt ?? null), job);
    dueJobs.put(key, timePlace(all, places?.dueAt ?? null), key);
    const since = places?.dirtySince ?? null;
    const item: Uncounted = { item: { kind: 'job', key }, since: since ?? 0 };
    uncounted.put(`job ${key}`, timePlace(places?.dirtyHost ?? null, since), item);
  }

  function placeRunner(runner: Runner, places: RunnerPlaces | null): void {
    const { name, host } = runner;
    const isLive = places !== null && !places.isGone;
    const isCounted = places !== null && places.countedClass !== null;
    runnersOfLane.put(name, isCounted ? place(bucketOf(places), places.rank, places.rankAt) : null, runner);
    runnersOfHost.put(name, place(isLive ? host : null), runner);
    census.put(name, place(isLive || isCounted ? host : null), runner);
    runnersEnded.put(name, timePlace(all, places?.endedAt ?? null), runner);
    dueRunners.put(name, timePlace(host, places?.dueAt ?? null), name);
    const since = places?.dirtySince ?? null;
    const item: Uncounted = { item: { kind: 'runner', name }, since: since ?? 0 };
    uncounted.put(`runner ${name}`, timePlace(places?.dirtyHost ?? null, since), item);
  }

  return {
    putJob(before: Job | null, job: Job, places: JobPlaces): void {
      placeJob(job, places);
      jobsByLane.move(before?.counted ?? null, job.counted);
    },
    deleteJob(job: Job): void {
      placeJob(job, null);
      jobsByLane.move(job.counted, null);
    },
    putRunner: placeRunner,
    deleteRunner: (runner: Runner) => placeRunner(runner, null),

    putLane(lane: Lane): void {
      const places = lanePlaces(lane);
      const id = laneId(lane.host, lane.key);
      const bucket = poolBucket(lane.host, lane.pool);
      queue.put(id, places.queue && place(bucket, places.queue.alive, places.queue.oldestAt), lane);
      timed.put(id, timePlace(lane.host, places.timeAt), lane);
    },
    deleteLane(lane: Lane): void {
      queue.put(laneId(lane.host, lane.key), null, lane);
      timed.put(laneId(lane.host, lane.key), null, lane);
    },
    putSweep: (sweep: Sweep) => sweeps.put(`${sweep.kind} ${sweep.subject}`, place(all, sweep.nextAt), sweep),

    jobsOfLane: (lane: LaneKey, jobClass: JobClass, limit: number) =>
      jobsOfLane.list({ bucket: `${jobClass} ${lane}`, limit }),
    jobsRefused: (after: JobKey | null, limit: number) => jobsRefused.list({ bucket: all, after, limit }),
    jobsCounted: (host: HostName, after: JobKey | null, limit: number) =>
      jobsCounted.list({ bucket: host, after, limit }),
    jobsEnded: (before: EpochMs, limit: number) => jobsEnded.list({ bucket: all, before, limit }),
    jobsByLane: jobsByLane.ofHost,
    runnersOfLane: (host: HostName, lane: LaneKey, runnerClass: RunnerClass, limit: number) =>
      runnersOfLane.list({ bucket: laneBucket(host, lane, runnerClass), limit }),
    runnersStandingBy: (host: HostName, pool: PoolName, limit: number) =>
      runnersOfLane.list({ bucket: standbyBucket(host, pool), limit }),
    runnersOfHost: (host: HostName) => runnersOfHost.list({ bucket: host, limit: Number.POSITIVE_INFINITY }),
    runnersEnded: (before: EpochMs, limit: number) => runnersEnded.list({ bucket: all, before, limit }),
    census: (host: HostName) => census.list({ bucket: host, limit: Number.POSITIVE_INFINITY }),
    uncounted: (host: HostName, before: EpochMs, limit: number) =>
      uncounted.list({ bucket: host, before, limit }),
    dueJobs: (now: EpochMs, limit: number) => dueJobs.list({ bucket: all, until: now, limit }),
    dueRunners: (host: HostName, now: EpochMs, limit: number) =>
      dueRunners.list({ bucket: host, until: now, limit }),
    queue: (host: HostName, pool: PoolName, limit: number) =>
      queue.list({ bucket: poolBucket(host, pool), limit }),
    timed: (host: HostName, limit: number) => timed.list({ bucket: host, limit }),
    sweepsDue: (now: EpochMs, limit: number) => sweeps.list({ bucket: all, until: now, limit }),
  };
}

/** A lane of a pool that moved from one host to another is in the books of both for a while. */
export function laneId(host: HostName, lane: LaneKey): string {
  return `${host} ${lane}`;
}

function place(bucket: string | null, a = 0, b = 0): Place | null {
  return bucket === null ? null : { bucket, a, b };
}

function timePlace(bucket: string | null, at: EpochMs | null): Place | null {
  return bucket === null || at === null ? null : { bucket, a: at, b: 0 };
}

function bucketOf({ host, pool, lane, countedClass }: RunnerPlaces): string {
  return lane === null ? `${host} ${pool} ${countedClass}` : laneBucket(host, lane, countedClass);
}

function laneBucket(host: HostName, lane: LaneKey, runnerClass: RunnerClass | null): string {
  return `${host} ${runnerClass} ${lane}`;
}

function standbyBucket(host: HostName, pool: PoolName): string {
  return `${host} ${pool} standby`;
}

function poolBucket(host: HostName, pool: PoolName): string {
  return `${host} ${pool}`;
}
