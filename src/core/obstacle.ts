// What keeps the plan from ordering a runner for a lane that wants one. The books are looked at in the order in which
// they would stop the plan; what is used up at GitHub or at the host comes last, and is known to the plan alone.

import { breakerState } from './breaker.ts';
import { type Configuration, hostByName, poolByName } from './configuration.ts';
import { inTime } from './duration.ts';
import type { HostName, LaneKey, PoolName } from './ids.ts';
import {
  aliveHost,
  alivePool,
  isSlowedDown,
  type Lane,
  type Ledger,
  noPoolCounts,
  type PoolBooks,
  type PoolCounts,
} from './ledger.ts';
import { readable } from './reason.ts';
import { poolOfLane } from './scope.ts';

export type Obstacle =
  /** An operator has paused its pool. */
  | { code: 'paused'; pool: PoolName }
  /** Runners of its pool keep failing. `until` is `null` while a single one is tried. */
  | { code: 'breakerOpen'; pool: PoolName; failures: number; why: string; until: number | null }
  /** Its host takes no launches just now. */
  | { code: 'throttled'; host: HostName; until: number }
  /** The lane's runners keep going to jobs of other lanes. */
  | { code: 'slowedDown'; pool: PoolName; to: string; times: number; until: number }
  | { code: 'poolLimit'; pool: PoolName; limit: number; loweredFrom: number | null; alive: PoolCounts }
  /** `pools`: those with the most machines, the most first. */
  | { code: 'hostLimit'; host: HostName; limit: number; alive: number; pools: readonly PoolAlive[] }
  /** Registrations that GitHub grants an installation of the App, or launches that the host takes, at once. */
  | { code: 'registrations'; installation: number; until: number }
  | { code: 'launches'; host: HostName; until: number };

type PoolAlive = readonly [pool: PoolName, alive: number];

/** Named in a sentence: who has the most places is what is wanted. */
const poolsNamedMax = 3;
/** Of the last failure, which is a sentence of the host's or of GitHub's. */
const failureLengthMax = 160;

/** By the books alone; `null`: there is nothing in its way in them. */
export function obstacleOf(
  lane: Lane,
  ledger: Ledger,
  configuration: Configuration,
  now: number,
): Obstacle | null {
  const { pool: name, lost } = lane;
  const settings = poolByName(configuration, name);
  if (settings === null) return null;
  const pool = ledger.pools[name] ?? noPoolCounts;
  const { breaker } = pool;
  if (pool.paused) return { code: 'paused', pool: name };
  if (breaker !== null && isStopped(pool, now)) {
    const until = breakerState(breaker, now) === 'open' ? breaker.until : null;
    const why = readable(breaker.why).slice(0, failureLengthMax);
    return { code: 'breakerOpen', pool: name, failures: breaker.failures, why, until };
  }
  const { host, throttled } = ledger;
  if (throttled && throttled.until > now) return { code: 'throttled', host, until: throttled.until };
  if (lost && isSlowedDown(lane) && (lost.until > now || lane.coming > 0))
    return { code: 'slowedDown', pool: name, ...lost };
  const limit = Math.min(settings.limit, pool.limitNow ?? settings.limit);
  if (alivePool(pool) >= limit) {
    const { coming, busy, ending, standby } = pool;
    const loweredFrom = limit < settings.limit ? settings.limit : null;
    return { code: 'poolLimit', pool: name, limit, loweredFrom, alive: { coming, busy, ending, standby } };
  }
  const hostLimit = hostByName(configuration, host)?.limit ?? 0;
  const alive = aliveHost(ledger);
  return alive < hostLimit
    ? null
    : { code: 'hostLimit', host, limit: hostLimit, alive, pools: largest(ledger) };
}

function isStopped({ breaker, coming }: PoolBooks, now: number): boolean {
  const state = breakerState(breaker, now);
  return state === 'open' || (state === 'probe' && coming > 0);
}

function largest({ pools }: Ledger): PoolAlive[] {
  return Object.entries<PoolBooks>(pools)
    .map(([name, pool]): PoolAlive => [name as PoolName, alivePool(pool)])
    .filter(([, alive]) => alive > 0)
    .sort(([a, aliveA], [b, aliveB]) => aliveB - aliveA || (a < b ? -1 : 1))
    .slice(0, poolsNamedMax);
}

/** Whether it stops lanes of this pool, at this installation. */
export function isInTheWayOf(
  obstacle: Obstacle,
  { pool, installation }: { pool: PoolName; installation: number },
): boolean {
  if ('pool' in obstacle) return obstacle.pool === pool;
  return obstacle.code !== 'registrations' || obstacle.installation === installation;
}

/** The same reason at the same place: what is different beside are its numbers. */
export function isSameObstacle(a: Obstacle, b: Obstacle): boolean {
  if (a.code !== b.code) return false;
  if ('pool' in a && 'pool' in b) return a.pool === b.pool;
  return a.code !== 'registrations' || b.code !== 'registrations' || a.installation === b.installation;
}

/** When it is over, where that is known beforehand. */
export function endsAt(obstacle: Obstacle): number | null {
  return 'until' in obstacle ? obstacle.until : null;
}

/** As it is and as it was: without the time to come. */
export function describeObstacle(obstacle: Obstacle): string {
  switch (obstacle.code) {
    case 'paused':
      return `pool ${obstacle.pool} is paused`;
    case 'breakerOpen': {
      const { pool, failures, why, until } = obstacle;
      const does = until === null ? 'tries a single runner' : 'orders nothing';
      return `pool ${pool} ${does} after ${failures} failures in a row (${why})`;
    }
    case 'throttled':
      return `host ${obstacle.host} takes no launches just now`;
    case 'slowedDown':
      return `runners of its lane were taken by jobs of ${obstacle.to}, ${obstacle.times} times in a row: they are ordered one at a time`;
    case 'poolLimit': {
      const { pool, limit, loweredFrom, alive } = obstacle;
      const forNow = loweredFrom === null ? '' : ` (lowered from ${loweredFrom})`;
      return `pool ${pool} is at its limit, ${alivePool(alive)} of ${limit}${forNow} alive: ${classes(alive)}`;
    }
    case 'hostLimit': {
      const { host, limit, alive, pools } = obstacle;
      const whose = pools.map(([pool, count]) => `${count} of pool ${pool}`).join(', ');
      return `host ${host} is at its limit, ${alive} of ${limit} machines alive over all its pools${whose === '' ? '' : `: ${whose}`}`;
    }
    case 'registrations':
      return 'the registrations that GitHub grants at once are used up';
    case 'launches':
      return `the launches that host ${obstacle.host} takes at once are used up`;
    default:
      return obstacle satisfies never;
  }
}

/** When it is worth another look; '' where no time tells. */
export function describeEnd(obstacle: Obstacle, now: number): string {
  const until = endsAt(obstacle);
  if (until === null || until <= now) return '';
  const when = inTime(until - now);
  switch (obstacle.code) {
    case 'breakerOpen':
      return `; one more try ${when}`;
    case 'throttled':
      return `; again ${when}`;
    default:
      return `, the next ${when}`;
  }
}

/** What a person may do about it. */
export function remedyOf(obstacle: Obstacle): string {
  switch (obstacle.code) {
    case 'paused':
      return `runners pools resume ${obstacle.pool}`;
    case 'breakerOpen':
      return 'mend what the last failure says; it is tried again by itself, and the first runner with a job ends this';
    case 'throttled':
      return `nothing, unless it lasts: then lower launchesPerSecond of host ${obstacle.host}, or have its quota raised`;
    case 'slowedDown':
      return `part the labels of pool ${obstacle.pool} and of ${poolNameIn(obstacle.to)}: GitHub gives a runner to any job whose labels it has`;
    case 'poolLimit':
      return obstacle.loweredFrom === null
        ? `wait for a place, or raise the limit of pool ${obstacle.pool} in the configuration`
        : `wait for a place, or give back its limit: runners pools limit ${obstacle.pool} none`;
    case 'hostLimit':
      return `wait for a place, or raise the limit of host ${obstacle.host} in the configuration`;
    case 'registrations':
      return "nothing: more are granted each second; where it lasts, see mintsPerMinute, and whether others use the App's quota";
    case 'launches':
      return `nothing: more are taken each second; where it lasts, raise launchBurst or launchesPerSecond of host ${obstacle.host}`;
    default:
      return obstacle satisfies never;
  }
}

function poolNameIn(to: string): string {
  return to.includes('#') ? `pool ${poolOfLane(to as LaneKey)}` : to;
}

function classes({ busy, coming, ending, standby }: PoolCounts): string {
  const parts = [
    [busy, 'busy'],
    [coming, 'coming'],
    [ending, 'ending'],
    [standby, 'standing by'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return shown.length > 0 ? shown.join(', ') : 'none';
}
