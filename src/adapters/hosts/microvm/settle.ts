// What settles a call to Lambda's MicroVMs.

import { createSettle, type Refused as Said } from '../settle.ts';
import { isThrottle, meaningOf } from './refusals.ts';

export interface Refused extends Said {
  /** As the answer says. */
  retryAfterMs: number | null;
}

export const settle = createSettle<Refused>({
  name: 'Lambda',
  refusalOf,
  isLater: ({ code }) => meaningOf(code) === 'later',
});

/** Answered with a code, and not by a fault of Lambda's own: it has done nothing. Want of room it says with 500. */
function refusalOf(error: unknown): Refused | null {
  if (!(error instanceof Error) || !('$metadata' in error)) return null;
  const status = (error.$metadata as { httpStatusCode?: number }).httpStatusCode ?? 0;
  const isDefinite =
    (status >= 400 && status < 500) || isThrottle(error) || meaningOf(error.name) === 'noRoom';
  if (!isDefinite) return null;
  const seconds = 'retryAfterSeconds' in error ? Number(error.retryAfterSeconds) : Number.NaN;
  return {
    code: error.name,
    message: error.message,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
  };
}
