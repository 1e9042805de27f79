// Everything goes wrong now and then, by a seed: calls of hosts, machines, their events and their programs, webhooks.
// For tests of what the whole system makes of it; each fault by itself is an option of the world.

import type { SeededRandom } from '../../../../adapters/clock/virtual/random.ts';
import type { SimulatedFaults } from '../../../../adapters/hosts/simulated/index.ts';
import type { WorldOptions } from './world.ts';

export interface FaultsOptions {
  random: SeededRandom;
  /** Of each kind, how often: 0 … 1. */
  share: number;
  /** The latest that a launch takes effect: no later than the hosts' `callEffectMs`. */
  lateMsMax: number;
  /** A machine that vanishes does so within this after its birth. */
  vanishMsMax: number;
}

type Faulty = Required<Pick<WorldOptions, 'faults' | 'machines' | 'gitHub'>>;

export function manyFaults({ random, share, lateMsMax, vanishMsMax }: FaultsOptions): Faulty {
  const happens = (): boolean => random.chance(share);

  const hostFaults: SimulatedFaults = {
    launch() {
      if (!happens()) return undefined;
      return random.pick([
        { kind: 'refused', refusal: 'throttled', reason: 'too many calls', retryAfterMs: 100 },
        { kind: 'answerLost' },
        { kind: 'failed' },
        { kind: 'late', afterMs: random.int(lateMsMax + 1) },
      ] as const);
    },
    life() {
      if (!happens()) return undefined;
      const vanishes = { afterMs: random.int(vanishMsMax), silently: random.chance(0.5) };
      return random.pick([{ boots: 'never' }, { vanishes }] as const);
    },
    terminate: () => (happens() ? { kind: random.pick(['failed', 'answerLost'] as const) } : undefined),
    describe: () => (happens() ? { kind: random.pick(['failed', 'unknown'] as const) } : undefined),
    list: () => (happens() ? { kind: random.pick(['failed', 'unknown'] as const) } : undefined),
    event: () =>
      happens()
        ? random.pick([
            { kind: 'lost' },
            { kind: 'twice', againAfterMs: 50 },
            { kind: 'late', afterMs: 500 },
          ] as const)
        : undefined,
  };

  return {
    faults: () => hostFaults,
    machines: {
      fate: () =>
        happens()
          ? random.pick(['silent', 'claimAnswerLost', 'neverConnects', 'hangs', 'diesAtWork'] as const)
          : null,
    },
    gitHub: {
      faults: {
        delivery: () =>
          happens() ? random.pick([{ lose: 'failed' }, { delayMs: 300 }, { duplicates: 1 }] as const) : null,
      },
    },
  };
}
