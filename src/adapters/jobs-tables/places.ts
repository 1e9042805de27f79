// Where a job or a runner stands in the indexes: computed from the item at each write, the same for every table.

import type { HostName, LaneKey, PoolName } from '../../core/ids.ts';
import type { Job, JobClass } from '../../core/job.ts';
import { isReady, type Runner, type RunnerClass } from '../../core/runner.ts';
import type { Deadlines } from '../../ports/jobs-table.ts';

export interface JobPlaces {
  countedHost: HostName | null;
  countedLane: LaneKey | null;
  countedClass: JobClass | null;
  createdAt: number;
  isRefused: boolean;
  dueAt: number | null;
  dirtyHost: HostName | null;
  dirtySince: number | null;
  /** Since when nobody needs it any more: ended, counted nowhere, and everybody has heard of it. */
  endedAt: number | null;
}

export function jobPlaces(job: Job, deadlines: Deadlines): JobPlaces {
  const isEnded = job.phase === 'completed' && job.counted === null && job.dirty === null;
  return {
    countedHost: job.counted?.host ?? null,
    countedLane: job.counted?.lane ?? null,
    countedClass: job.counted?.class ?? null,
    createdAt: job.createdAt,
    isRefused: job.phase === 'queued' && job.route.kind === 'refused',
    dueAt: deadlines.ofJob(job),
    dirtyHost: job.dirty?.host ?? null,
    dirtySince: job.dirty?.since ?? null,
    endedAt: isEnded ? (job.completedSeenAt ?? job.firstSeenAt) : null,
  };
}

export interface RunnerPlaces {
  host: HostName;
  pool: PoolName;
  lane: LaneKey | null;
  countedClass: RunnerClass | null;
  /** Among its lane's, or its pool's spares: who is taken first, and among equals by which time. */
  rank: number;
  rankAt: number;
  isGone: boolean;
  dueAt: number | null;
  dirtyHost: HostName | null;
  dirtySince: number | null;
  endedAt: number | null;
}

export function runnerPlaces(runner: Runner, deadlines: Deadlines): RunnerPlaces {
  const isGone = runner.state === 'gone';
  const isEnded = isGone && runner.counted === null && runner.dirty === null;
  const rank = runner.lane === null ? spareRank(runner) : laneRank(runner);
  return {
    host: runner.host,
    pool: runner.pool,
    lane: runner.lane,
    countedClass: runner.counted,
    rank: rank.rank,
    rankAt: rank.at,
    isGone,
    dueAt: deadlines.ofRunner(runner),
    dirtyHost: runner.dirty?.host ?? null,
    dirtySince: runner.dirty?.since ?? null,
    endedAt: isEnded ? (runner.goneAt ?? runner.orderedAt) : null,
  };
}

interface Rank {
  rank: number;
  at: number;
}

/** Who is released first: one that nobody began to launch (free, at once), then the longest online, then the rest. */
function laneRank(runner: Runner): Rank {
  if (runner.markedAt === null) return { rank: 0, at: runner.orderedAt };
  if (runner.onlineAt !== null) return { rank: 1, at: runner.onlineAt };
  return { rank: 2, at: runner.orderedAt };
}

/** Which spare is put to work first: the oldest of those that are ready. */
function spareRank(runner: Runner): Rank {
  return isReady(runner)
    ? { rank: 0, at: runner.standbyAt ?? runner.orderedAt }
    : { rank: 1, at: runner.orderedAt };
}
