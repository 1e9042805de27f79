import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createSeededRandom } from '../../../../adapters/clock/virtual/random.ts';
import { manyFaults } from './faults.ts';
import { quickLosses, ready, small, startWhole } from './testing.ts';

/** Half of it is back-offs after launches that failed. */
const withinMs = 180_000;

describe('the world when much goes wrong', () => {
  for (const seed of [11, 12]) {
    test(`whatever goes wrong, the limits hold, every job ends, and nothing is left: seed ${seed}`, async () => {
      const faulty = manyFaults({
        random: createSeededRandom(seed),
        share: 0.1,
        lateMsMax: 100,
        vanishMsMax: 300,
      });
      const { world, close } = await startWhole({
        bootSeconds: 1,
        ...faulty,
        gitHub: { ...faulty.gitHub, settings: quickLosses },
      });
      try {
        const burst = world.enqueue([
          { pool: small, jobs: 40, durationMs: 30 },
          { pool: ready, jobs: 20, durationMs: 30 },
        ]);
        await burst.served(withinMs);
        await world.emptied(withinMs);
        assert.deepEqual(world.limits.broken(), []);
        assert.ok(
          world.limits.births() > 60,
          `${world.limits.births()} machines for 60 jobs: nothing went wrong`,
        );
      } finally {
        await close();
      }
    });
  }
});
