// The books of a host, written by its Publisher alone: the ledger with its pools, and the lanes.

import type { Episode } from './episodes.ts';
import type { HostName, LaneKey, PoolName } from './ids.ts';
import type { JobClass } from './job.ts';
import type { RunnerClass } from './runner.ts';
import type { Scope } from './scope.ts';

/** Places taken in a pool, by class. Their sum is what is alive, or may be. */
export type PoolCounts = Record<RunnerClass, number>;

export interface Breaker {
  /** Failures in a row that speak against the pool. */
  failures: number;
  /** How often it opened without a success since: the back-off's exponent. */
  opened: number;
  /** Open until then; after it, one runner is ordered as a probe. */
  until: number | null;
  why: string;
}

export interface PoolBooks extends PoolCounts {
  breaker: Breaker | null;
  /** What an operator changed at run time, copied from the control facts. */
  paused: boolean;
  limitNow: number | null;
}

export interface Ledger {
  host: HostName;
  /** Moves with every commit: whoever read an older one decides again. */
  version: number;
  /** Of the configuration that it was last recounted for. */
  configuration: string;
  pools: Readonly<Record<PoolName, PoolBooks>>;
  /** The host takes no launch calls until then. */
  throttled: { until: number; times: number } | null;
  /** The timer that is armed. */
  wakeAt: number | null;
  recountedAt: number;
  /** What was in the way of runners that were wanted, and when. Absent while nothing ever was. */
  episodes?: readonly Episode[];
}

/** What an operator changed at run time: a fact of its own, which the Publisher copies. */
export interface Control {
  host: HostName;
  pool: PoolName;
  paused: boolean;
  limitNow: number | null;
}

export type LaneCounts = Record<JobClass | 'coming' | 'busy' | 'ending' | 'unnoted', number>;

export interface Lane extends LaneCounts {
  key: LaneKey;
  host: HostName;
  pool: PoolName;
  scope: Scope;
  group: string;
  /** No waiting job is older than this (GitHub's time); `null` while none waits. */
  oldestAt: number | null;
  /** More coming than waiting, since. */
  surplusSince: number | null;
  /** Jobs are counted here that no list showed yet, as an index lagged: looked at again then. */
  lookAgainAt: number | null;
  /**
   * First orders that were never made: jobs that started on a runner which was ordered for another one. They allow
   * second orders for those others without asking.
   */
  rights: number;
  /** Jobs that started while others waited: how many, since when, and when the oldest of them was made. */
  overtaken: { jobs: number; since: number; oldestAt: number } | null;
  /** Its runners go to jobs of other lanes: so often in a row, last to this lane; ordered one at a time, not before `until`. */
  lost: { times: number; to: string; until: number } | null;
}

export const noPoolCounts: PoolBooks = {
  coming: 0,
  busy: 0,
  ending: 0,
  standby: 0,
  breaker: null,
  paused: false,
  limitNow: null,
};

export function newLedger(host: HostName, configuration: string): Ledger {
  return { host, version: 0, configuration, pools: {}, throttled: null, wakeAt: null, recountedAt: 0 };
}

export function newLane(key: LaneKey, host: HostName, pool: PoolName, scope: Scope, group: string): Lane {
  return {
    key,
    host,
    pool,
    scope,
    group,
    fresh: 0,
    ordered: 0,
    orphaned: 0,
    held: 0,
    coming: 0,
    busy: 0,
    ending: 0,
    unnoted: 0,
    oldestAt: null,
    surplusSince: null,
    lookAgainAt: null,
    rights: 0,
    overtaken: null,
    lost: null,
  };
}

export function alivePool(pool: PoolCounts): number {
  return pool.coming + pool.busy + pool.ending + pool.standby;
}

export function aliveHost(ledger: Ledger): number {
  let alive = 0;
  for (const pool of Object.values<PoolBooks>(ledger.pools)) alive += alivePool(pool);
  return alive;
}

export function aliveLane(lane: LaneCounts): number {
  return lane.coming + lane.busy + lane.ending;
}

export function waiting(lane: LaneCounts): number {
  return lane.fresh + lane.ordered + lane.orphaned;
}

/** How many runners may be ordered for the lane without asking GitHub first. */
export function orderable(lane: LaneCounts): number {
  return Math.max(0, Math.min(waiting(lane) - lane.coming, lane.fresh - lane.unnoted));
}

/**
 * How many waiting jobs GitHub has to be asked about, so that runners may be ordered for them a second time. None while
 * there are jobs that a first order may be made for: which job of a lane goes first is GitHub's choice anyway.
 */
export function askable(lane: LaneCounts): number {
  if (lane.fresh > lane.unnoted) return 0;
  return Math.max(0, Math.min(waiting(lane) - lane.coming, lane.orphaned + lane.ordered));
}

export function surplus(lane: LaneCounts): number {
  return Math.max(0, lane.coming - waiting(lane));
}

/** A lane that lost this many of its runners in a row to other lanes orders one at a time, with back-off. */
export const lostToSlowDown = 3;

export function isSlowedDown(lane: Lane): boolean {
  return lane.lost !== null && lane.lost.times >= lostToSlowDown;
}

/** Nothing left to count: the row can go. */
export function isEmpty(lane: Lane): boolean {
  return lane.held + waiting(lane) + aliveLane(lane) === 0;
}

/** Where the lane stands in the queue for places: fewest alive first, then the oldest job. `null`: not in it. */
export function queueKey(lane: Lane): { alive: number; oldestAt: number } | null {
  return orderable(lane) > 0 ? { alive: aliveLane(lane), oldestAt: lane.oldestAt ?? 0 } : null;
}
