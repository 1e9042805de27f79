// The token that a machine proves itself with: HMAC over the runner's name and attempt, the same at each retry. It can
// claim once and write notes about itself, nothing else, and it is dead when the runner is registered.

import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RunnerName } from '../core/ids.ts';

export interface ClaimTokens {
  make(name: RunnerName, attempt: number): string;
  /** The attempt that the token was made for; `null` where it is not one of this runner's. */
  check(name: RunnerName, token: string): number | null;
}

/** Attempts that a name can have: its lease ends long before. */
const attemptsMax = 20;

export function createClaimTokens(keyBase64: string): ClaimTokens {
  const key = Buffer.from(keyBase64, 'base64');
  const make = (name: RunnerName, attempt: number) => {
    const mac = createHmac('sha256', key).update(`claim:${name}:${attempt}`).digest('base64url');
    return `${attempt}.${mac}`;
  };
  return {
    make,
    check(name, token) {
      const attempt = Number(/^(\d{1,2})\./.exec(token)?.[1] ?? 0);
      if (attempt < 1 || attempt > attemptsMax) return null;
      const given = Buffer.from(token, 'utf8');
      const wanted = Buffer.from(make(name, attempt), 'utf8');
      return given.length === wanted.length && timingSafeEqual(given, wanted) ? attempt : null;
    },
  };
}
