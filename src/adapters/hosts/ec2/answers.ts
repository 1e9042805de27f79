// Answers to a launch or an activation that started nothing, and when another try is worth it.

import type { LaunchAnswer, LaunchRequest, Refusal } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';

/** First pause where EC2 is asked too much, or says what nobody knows. Its buckets refill two a second. */
const laterMsFirst = 1_000;
const laterMsMax = 8_000;

export function tooLate(call: string, { name }: LaunchRequest): Error {
  return new Error(`${call} of runner ${name} begins after its time: nothing was asked of EC2`);
}

/** Full jitter, so that launchers that were refused together do not ask together again. */
export function later({ random }: HostContext, attempt: number): number {
  const most = Math.min(laterMsMax, laterMsFirst * 2 ** attempt);
  return Math.round(laterMsFirst / 2 + random() * (most - laterMsFirst / 2));
}

export function refused(refusal: Refusal, reason: string, retryAfterMs: number | null = null): LaunchAnswer {
  return { outcome: 'refused', refusal, reason, retryAfterMs };
}
