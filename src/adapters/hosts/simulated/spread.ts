import type { Random } from '../../../ports/clock.ts';
import type { Spread } from './options.ts';

/** A duration of this spread, in whole milliseconds. Draws one number. */
export function drawMs({ leastMs, medianMs, p95Ms, mostMs }: Spread, random: Random): number {
  const share = random();
  if (share < 0.5) return between(leastMs, medianMs, share / 0.5);
  if (share < 0.95) return between(medianMs, p95Ms, (share - 0.5) / 0.45);
  return between(p95Ms, mostMs, (share - 0.95) / 0.05);
}

function between(fromMs: number, toMs: number, share: number): number {
  return Math.round(fromMs + (toMs - fromMs) * share);
}
