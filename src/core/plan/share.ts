// Who gets the free places: max-min fairness between lanes. A pool of higher priority goes before all lower ones;
// within a priority the lane with the fewest runners alive for its pool's weight is next, and of equals the one
// whose job waits longest.

import { breakerState } from '../breaker.ts';
import { laneItems } from '../commit.ts';
import type { LaneKey, PoolName } from '../ids.ts';
import { aliveLane, isSlowedDown, type Lane, orderable } from '../ledger.ts';
import type { Runner } from '../runner.ts';
import { sameScope } from '../scope.ts';
import type { Draft } from './draft.ts';
import type { Known } from './need.ts';

export interface Share {
  lane: Lane;
  count: number;
  /** Of those, the first are given these spares' machines. */
  spares: readonly Runner[];
}

/** What keeps lanes that could use a runner from having one: what follows depends on it. */
export interface Wanting {
  /** Runners that are wanted and only lack a place. */
  inHost: number;
  inPool: ReadonlyMap<PoolName, number>;
}

interface Candidate {
  lane: Lane;
  left: number;
  given: number;
  spares: Runner[];
  priority: number;
  weight: number;
}

/**
 * `itemsMax`: what the orders may cost in items of the commit. Spares that stand ready are places already held: a lane of
 * their pool takes one without needing room. A machine that has worked before is for lanes of the same scope alone.
 */
export function shareOut(
  draft: Draft,
  lanes: readonly Lane[],
  known: Known,
  spares: ReadonlyMap<PoolName, readonly Runner[]>,
  itemsMax: number,
): { shares: Share[]; wanting: Wanting; cut: boolean } {
  const candidates = lanes.flatMap((lane) => candidate(draft, lane));
  const pools = new Map<PoolName, { room: number; spares: Runner[]; allowed: number }>();
  for (const { lane } of candidates) {
    if (pools.has(lane.pool)) continue;
    const allowed = allowedByBreaker(draft, lane.pool);
    pools.set(lane.pool, {
      room: draft.poolRoom(lane.pool),
      spares: [...(spares.get(lane.pool) ?? [])],
      allowed,
    });
  }
  const touched = new Set(draft.lanesTouched().map((lane) => lane.key));
  const mints = new Map([...known.mints].map(([installation, reserved]) => [installation, reserved.granted]));
  let launches = known.launches?.granted ?? Number.POSITIVE_INFINITY;
  let hostRoom = draft.hostRoom();
  let items = itemsMax;
  let cut = false;
  const wantedInPool = new Map<PoolName, number>();
  let wantedInHost = 0;

  let open = candidates;
  while (open.length > 0) {
    const next = open.reduce(goesFirst);
    const pool = pools.get(next.lane.pool) ?? { room: 0, spares: [], allowed: 0 };
    const tokens = mints.get(next.lane.scope.installation) ?? Number.POSITIVE_INFINITY;
    const spare = spareFor(next.lane, pool.spares);
    const place = spare !== null || (pool.room > 0 && hostRoom > 0);
    if (!place || pool.allowed < 1 || tokens < 1 || (launches < 1 && spare === null)) {
      if (!place && pool.allowed >= 1) {
        if (pool.room <= 0)
          wantedInPool.set(next.lane.pool, (wantedInPool.get(next.lane.pool) ?? 0) + next.left);
        else wantedInHost += next.left;
      }
      open = open.filter((other) => other !== next);
      continue;
    }
    const cost = itemsOf(touched, next);
    if (cost > items) {
      cut = true;
      break;
    }
    items -= cost;
    pool.allowed -= 1;
    if (spare) {
      pool.spares.splice(pool.spares.indexOf(spare), 1);
      next.spares.push(spare);
    } else {
      pool.room -= 1;
      hostRoom -= 1;
      launches -= 1;
    }
    mints.set(next.lane.scope.installation, tokens - 1);
    next.given += 1;
    next.left -= 1;
    if (next.left === 0) open = open.filter((other) => other !== next);
  }
  const shares = candidates
    .filter((c) => c.given > 0)
    .map((c) => ({ lane: c.lane, count: c.given, spares: c.spares }));
  return { shares, wanting: { inHost: wantedInHost, inPool: wantedInPool }, cut };
}

/** One that has worked for this scope before, rather than one that any lane could have. */
function spareFor(lane: Lane, spares: readonly Runner[]): Runner | null {
  const ofScope = spares.find(({ scope }) => scope !== null && sameScope(scope, lane.scope));
  return ofScope ?? spares.find(({ scope }) => scope === null) ?? null;
}

/** A runner and its job's note; the first order of a lane that was not touched yet writes the lane too. */
function itemsOf(touched: ReadonlySet<LaneKey>, next: Candidate): number {
  return next.given === 0 && !touched.has(next.lane.key) ? 2 + laneItems : 2;
}

function candidate(draft: Draft, lane: Lane): Candidate[] {
  const settings = draft.settings(lane.pool);
  const wanted = orderable(lane);
  if (!settings || wanted === 0) return [];
  const pool = draft.pool(lane.pool);
  if (pool.paused) return [];
  const throttled = draft.ledger().throttled;
  if (throttled && throttled.until > draft.now) {
    draft.wakeTimes.push(throttled.until);
    return [];
  }
  const left = Math.min(wanted, allowedByPace(draft, lane));
  if (left <= 0) return [];
  return [{ lane, left, given: 0, spares: [], priority: settings.priority, weight: settings.weight }];
}

function allowedByBreaker(draft: Draft, name: PoolName): number {
  const pool = draft.pool(name);
  switch (breakerState(pool.breaker, draft.now)) {
    case 'closed':
      return Number.POSITIVE_INFINITY;
    case 'open':
      draft.wakeTimes.push(pool.breaker?.until ?? draft.now);
      return 0;
    case 'probe':
      return pool.coming > 0 ? 0 : 1;
  }
}

/** A lane that keeps losing its runners to jobs of others: one at a time, with back-off. */
function allowedByPace(draft: Draft, lane: Lane): number {
  if (!isSlowedDown(lane) || !lane.lost) return Number.POSITIVE_INFINITY;
  if (lane.lost.until > draft.now) {
    draft.wakeTimes.push(lane.lost.until);
    return 0;
  }
  return Math.max(0, 1 - lane.coming);
}

function goesFirst(a: Candidate, b: Candidate): Candidate {
  if (a.priority !== b.priority) return a.priority > b.priority ? a : b;
  const loadA = (aliveLane(a.lane) + a.given) / a.weight;
  const loadB = (aliveLane(b.lane) + b.given) / b.weight;
  if (loadA !== loadB) return loadA < loadB ? a : b;
  const oldestA = a.lane.oldestAt ?? 0;
  const oldestB = b.lane.oldestAt ?? 0;
  if (oldestA !== oldestB) return oldestA < oldestB ? a : b;
  return a.lane.key < b.lane.key ? a : b;
}
