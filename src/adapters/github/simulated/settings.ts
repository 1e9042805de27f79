// How long things take at GitHub, and how much of them there may be. All of it can be set, so that a test makes
// a wait short and the simulator draws from what was measured.

import type { Random } from '../../../ports/clock.ts';

export interface RangeMs {
  minMs: number;
  maxMs: number;
}

export interface Settings {
  /** From a job's assignment until the runner's long poll hands it over: about a second. */
  pickUp: RangeMs;
  /** A job that its runner did not fetch by then is queued again. GitHub: 60 s. */
  pickUpTimeoutMs: number;
  /** An idle just-in-time runner is removed after so long: seen since September 2026, not documented. */
  idleDrop: RangeMs;
  /** False for a GitHub that leaves idle runners alone, as Enterprise Servers do. */
  dropsIdleRunners: boolean;
  /** From the last sign of a runner until GitHub shows it offline. */
  offlineAfterMs: number;
  /** From the last sign of a busy runner until its job is failed: "lost communication with the server". */
  lostJobAfterMs: number;
  /** A running job that does not honour its cancellation is ended after so long. GitHub: 5 minutes. */
  cancelTimeoutMs: number;
  /** A job that nobody took is cancelled. GitHub: 24 hours. */
  queueExpiryMs: number;
  /** A just-in-time configuration that was never used is refused after so long: reported, about an hour. */
  configurationLifetimeMs: number;
  /** An ephemeral runner that never connected, or vanished, loses its entry. GitHub: 1 day. */
  offlineEntryLifetimeMs: number;
  /** Between what happened and the webhook; drawn for each delivery, so that they overtake one another. */
  deliveryDelay: RangeMs;
  /** A receiver that has not answered by then has failed. GitHub: 10 s; Enterprise Server: 30 s. */
  deliveryTimeoutMs: number;
  /** How long a delivery is listed and may be sent again. GitHub: 3 days; Enterprise Server: 7. */
  deliveryRetentionMs: number;
  /** How long completed runs are kept. GitHub: re-runs are allowed for 30 days. */
  runRetentionMs: number;
  /** Older versions of the runner connect, but get no job. */
  oldestRunnerVersion: string;
  requestsPerHour: number;
  /** Per endpoint: a GET is 1 point, anything else 5. GitHub: 900. */
  pointsPerMinute: number;
  /** Registrations per organisation or repository in 5 minutes. GitHub: 1,500. */
  registrationsPer5Minutes: number;
  runnersPerGroupMax: number;
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

export const gitHubSettings: Settings = {
  pickUp: { minMs: 300, maxMs: 1_500 },
  pickUpTimeoutMs: minuteMs,
  idleDrop: { minMs: 2 * minuteMs, maxMs: 6 * minuteMs },
  dropsIdleRunners: true,
  offlineAfterMs: minuteMs,
  lostJobAfterMs: 10 * minuteMs,
  cancelTimeoutMs: 5 * minuteMs,
  queueExpiryMs: dayMs,
  configurationLifetimeMs: hourMs,
  offlineEntryLifetimeMs: dayMs,
  deliveryDelay: { minMs: 50, maxMs: 800 },
  deliveryTimeoutMs: 10 * secondMs,
  deliveryRetentionMs: 3 * dayMs,
  runRetentionMs: 30 * dayMs,
  oldestRunnerVersion: '2.329.0',
  requestsPerHour: 5_000,
  pointsPerMinute: 900,
  registrationsPer5Minutes: 1_500,
  runnersPerGroupMax: 10_000,
};

/** No draw where there is nothing to draw from. */
export function drawMs(range: RangeMs, random: Random): number {
  if (range.maxMs <= range.minMs) return range.minMs;
  return range.minMs + Math.floor(random() * (range.maxMs - range.minMs + 1));
}
