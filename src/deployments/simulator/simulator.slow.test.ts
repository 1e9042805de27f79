// Whole storms of two hundred jobs, in every profile.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from './campaign.ts';
import { profileNames } from './faults.ts';
import { outcomeOf } from './outcome.ts';
import { jobsDefault } from './simulation.ts';
import { createSummary } from './summary.ts';

const seedsOf = (profile: string): number => (['all', 'pressure', 'races'].includes(profile) ? 30 : 4);
const firstSeed = 10_000;

describe('the simulator, at length', () => {
  const summary = createSummary();

  for (const faults of profileNames) {
    test(`profile ${faults} keeps every promise`, async () => {
      for (let seed = firstSeed; seed < firstSeed + seedsOf(faults); seed += 1) {
        const outcome: Outcome = await outcomeOf({ seed, faults, jobs: jobsDefault });
        summary.add(outcome);
        assert.equal(outcome.violation, null, `SEED=${seed} FAULTS=${faults} make simulate`);
      }
    });
  }

  test('everything heals in the times that are promised', () => {
    assert.deepEqual(summary.missed(), []);
  });
});
