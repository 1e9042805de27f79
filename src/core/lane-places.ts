import { isSlowedDown, type Lane, orderable, queueKey } from './ledger.ts';

/** Where a lane is found by those who do not know its key. */
export interface LanePlaces {
  /** In the queue for places: fewest alive first, then the oldest job. */
  queue: { alive: number; oldestAt: number } | null;
  /**
   * In the list of times: when it had its surplus, when its back-off ends, or when it is to be looked at again. The plan
   * adds the idle time itself.
   */
  timeAt: number | null;
}

/**
 * A lane that is slowed down because its runners go to others stays out of the queue: it is ordered one at a time, and
 * its place, with few alive, would be the first one for ever. The list of times finds it while it wants a runner.
 */
export function lanePlaces(lane: Lane): LanePlaces {
  const slowed = isSlowedDown(lane);
  const backOffEnds = slowed && orderable(lane) > 0 ? (lane.lost?.until ?? null) : null;
  return {
    queue: slowed ? null : queueKey(lane),
    timeAt: earliest(earliest(lane.surplusSince, backOffEnds), lane.lookAgainAt),
  };
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
