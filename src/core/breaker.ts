// The circuit breaker of a pool: stops orders that burn money when its runners keep failing for a reason that lies in
// the pool (no capacity, never online, given no job). Only a runner that got a job closes it.

import type { Timing } from './configuration.ts';
import type { Breaker } from './ledger.ts';

/** Failures in a row that open it. */
const failuresToOpen = 3;

export type BreakerState = 'closed' | 'open' | 'probe';

/** `probe`: one runner may be ordered, while no other of the pool is coming. */
export function breakerState(breaker: Breaker | null, now: number): BreakerState {
  if (breaker === null || breaker.until === null) return 'closed';
  return breaker.until > now ? 'open' : 'probe';
}

export function afterFailure(breaker: Breaker | null, why: string, timing: Timing, now: number): Breaker {
  const before = breaker ?? { failures: 0, opened: 0, until: null, why };
  const failures = before.failures + 1;
  // A straggler that fails while it is open already was ordered before: it says nothing new.
  if (breakerState(before, now) === 'open') return { ...before, failures, why };
  if (failures < failuresToOpen) return { ...before, failures, why };
  const backOffMs = Math.min(timing.breakerMs * 2 ** before.opened, timing.breakerMsMax);
  return { failures, opened: before.opened + 1, until: now + backOffMs, why };
}
