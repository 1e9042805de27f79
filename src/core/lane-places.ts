import { type Lane, queueKey } from './ledger.ts';

/** Where a lane is found by those who do not know its key. */
export interface LanePlaces {
  /** In the queue for places: fewest alive first, then the oldest job. */
  queue: { alive: number; oldestAt: number } | null;
  /** In the list of times: when it had its surplus, or when its back-off ends. The plan adds the idle time itself. */
  timeAt: number | null;
}

/**
 * A lane whose runners go to others stays out of the queue, since it is ordered one at a time: else its place, with
 * few alive, would be the first one for ever. The list of times finds it, before and after its back-off.
 */
export function lanePlaces(lane: Lane): LanePlaces {
  return {
    queue: lane.lost === null ? queueKey(lane) : null,
    timeAt: earliest(lane.surplusSince, lane.lost?.until ?? null),
  };
}

function earliest(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}
