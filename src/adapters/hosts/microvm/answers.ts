// Answers to a launch or an activation that started nothing, and when another try is worth it.

import type { LaunchAnswer, LaunchRequest, Refusal } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { meaningOf } from './refusals.ts';
import type { Refused } from './settle.ts';

/** First pause where Lambda is asked too much. It grants five launches a second. */
const laterMsFirst = 1_000;
const laterMsMax = 8_000;

export function tooLate(call: string, { name }: LaunchRequest): Error {
  return new Error(`${call} of runner ${name} begins after its time: nothing was asked of Lambda`);
}

export function refused(refusal: Refusal, reason: string, retryAfterMs: number | null = null): LaunchAnswer {
  return { outcome: 'refused', refusal, reason, retryAfterMs };
}

/** There is one offer, the pool's image: what has no room now has none for a next attempt either. */
export function refusalFor(
  context: HostContext,
  { attempt }: LaunchRequest,
  { code, message, retryAfterMs }: Refused,
): LaunchAnswer {
  const reason = `${code}: ${message}`;
  const retryMs = Math.max(retryAfterMs ?? 0, later(context, attempt));
  const meaning = meaningOf(code);
  switch (meaning) {
    case 'noRoom':
      return refused('noCapacity', reason);
    case 'later':
      return refused('throttled', reason, retryMs);
    case 'never':
      return refused('invalid', reason);
    case 'conflict':
    case 'unknown':
      return refused('noCapacity', reason, retryMs);
    default:
      return meaning satisfies never;
  }
}

/** Full jitter, so that launchers that were refused together do not ask together again. */
function later({ random }: HostContext, attempt: number): number {
  const most = Math.min(laterMsMax, laterMsFirst * 2 ** attempt);
  return Math.round(laterMsFirst / 2 + random() * (most - laterMsFirst / 2));
}
