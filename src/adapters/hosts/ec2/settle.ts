// What settles a call to EC2. Where it refuses under the same token what it would have answered for, that is for the
// caller to read: once an answer was lost, a refusal is in doubt.

import { createSettle, type Refused } from '../settle.ts';
import { isThrottle, meaningOf } from './refusals.ts';

export const settle = createSettle<Refused>({
  name: 'EC2',
  refusalOf,
  isLater: ({ code }) => meaningOf(code) === 'later',
});

/**
 * Answered by EC2 with a code, and not by a fault of its own: it has done nothing. That there is no room it says with
 * 500, and that it is asked too much with 503.
 */
function refusalOf(error: unknown): Refused | null {
  if (!(error instanceof Error) || !('$metadata' in error)) return null;
  const status = (error.$metadata as { httpStatusCode?: number }).httpStatusCode ?? 0;
  const isDefinite =
    (status >= 400 && status < 500) || isThrottle(error.name) || meaningOf(error.name) === 'nextOffer';
  return isDefinite ? { code: error.name, message: error.message } : null;
}
