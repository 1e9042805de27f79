import type { EpochMs } from '../../ports/clock.ts';
import type { GitHubError } from '../../ports/github.ts';

/** First waits after a fault, when nobody says how long. */
const retryMsDefault = 5_000;
/** A queue hides a message no longer than this in one go; the deadline of the item is the net below. */
const retryMsMax = 600_000;

/** When a step that met this fault is worth trying again; `null`: trying again can't mend it. */
export function retryAfter(error: GitHubError, now: EpochMs): number | null {
  switch (error.kind) {
    case 'limited':
    case 'unavailable':
      return Math.min(
        Math.max(1_000, error.retryAt === null ? retryMsDefault : error.retryAt - now),
        retryMsMax,
      );
    case 'suspended':
    case 'forbidden':
    case 'invalid':
      return null;
    default:
      return error.kind satisfies never;
  }
}
