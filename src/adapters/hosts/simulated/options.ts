// What the configuration may say about a simulated host and a machine on it.

import { z } from 'zod';
import type { HostTraits } from '../../../ports/host.ts';

/**
 * A duration that varies, by four points of its distribution; between them it is spread evenly. Such a shape has the
 * long tail that real machines have, and anybody can read it.
 */
export interface Spread {
  leastMs: number;
  medianMs: number;
  p95Ms: number;
  mostMs: number;
}

/** A day: what takes longer does not happen on any host. */
const durationMsMax = 86_400_000;
const duration = z.number().int().min(0).max(durationMsMax);

const spread: z.ZodType<Spread> = z
  .strictObject({ leastMs: duration, medianMs: duration, p95Ms: duration, mostMs: duration })
  .refine((s) => s.leastMs <= s.medianMs && s.medianMs <= s.p95Ms && s.p95Ms <= s.mostMs, {
    message: 'leastMs, medianMs, p95Ms and mostMs must not fall from one to the next',
  });

/** Long enough that nobody guesses it. */
const tokenLengthMin = 16;
const tokenLengthMax = 200;

export const simulatedHostOptions = z
  .strictObject({
    /** Of a park, where the machines live in another process; in memory of this one without it. */
    url: z
      .url({ protocol: /^https?$/ })
      .max(1024)
      .optional(),
    /** What that park asks for. It guards a stand-in on one computer, and nothing else. */
    token: z.string().min(tokenLengthMin).max(tokenLengthMax).optional(),
    configuration: z.enum(['claimed', 'handedOver']).default('claimed'),
    standby: z.boolean().default(true),
    endGraceMs: duration.default(10_000),
    /** Also the oldest that a list or a description is allowed to be made by a fault. */
    listStalenessMs: duration.default(30_000),
    /** Also the latest that a launch is allowed to take effect by a fault. */
    callEffectMs: duration.default(60_000),
    /** How long calls take. */
    callMs: spread.default({ leastMs: 100, medianMs: 300, p95Ms: 1000, mostMs: 3000 }),
    /** From the launch's effect until the machine's program runs. */
    bootMs: spread.default({ leastMs: 8000, medianMs: 20_000, p95Ms: 40_000, mostMs: 60_000 }),
    /** From the order to end until the machine is dead. */
    endingMs: spread.default({ leastMs: 500, medianMs: 3000, p95Ms: 10_000, mostMs: 20_000 }),
    /** From a machine's death until its event is delivered. */
    eventMs: spread.default({ leastMs: 50, medianMs: 500, p95Ms: 2000, mostMs: 5000 }),
    /** Dead machines stay in lists for this long. */
    deadListedMs: duration.default(60_000),
  })
  .refine(({ url, token }) => (url === undefined) === (token === undefined), {
    message: 'url and token are of one park: give both or neither',
    path: ['token'],
  });

export type SimulatedHostOptions = z.output<typeof simulatedHostOptions>;

export function simulatedTraits(options: SimulatedHostOptions): HostTraits {
  const { configuration, standby, endGraceMs, listStalenessMs, callEffectMs } = options;
  return { configuration, standby, endGraceMs, listStalenessMs, callEffectMs };
}

/** `machine` of a pool. */
export const simulatedMachine = z.strictObject({
  /** Instead of the host's. */
  bootMs: spread.optional(),
  /** How spares wait. One that is stopped boots again when it is put to work. */
  standby: z.enum(['hot', 'stopped']).default('hot'),
  /** It works for one runner after another until it is so old. */
  reuseMs: duration.default(0),
});

export function simulatedReuseMs(settings: unknown): number {
  return simulatedMachine.parse(settings).reuseMs;
}
