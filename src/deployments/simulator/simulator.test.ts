// A few storms with every change: a fixed set of seeds over the profiles, and fresh ones, which are printed. The slow
// suite runs more, `make simulate` as many as you like.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { describe, test } from 'node:test';
import { type ProfileName, ratesOf } from './faults.ts';
import { type Result, runSimulation } from './simulation.ts';
import { timelineOf } from './timeline.ts';

/** Small storms: enough to fill the hosts for a while, and short. */
const jobs = 50;
const fixedSeeds: readonly [ProfileName, readonly number[]][] = [
  ['calm', [1, 2]],
  ['all', [3, 4, 5, 6, 7, 8]],
  ['pressure', [9, 10, 11, 12]],
  ['crash', [13, 14]],
  ['stall', [15, 16]],
  ['restart', [17]],
  ['webhookNeverSent', [18]],
  ['messageLost', [19]],
  ['vanishSilently', [20]],
  ['launchUnanswered', [21]],
  ['mintLost', [22]],
  ['theft', [23]],
  ['bootNever', [24]],
];
const freshProfiles: readonly ProfileName[] = ['all', 'all', 'pressure', 'crash'];
const freshSeedMax = 1_000_000_000;

describe('the simulator', () => {
  for (const [profile, seeds] of fixedSeeds) {
    test(`profile ${profile} keeps every promise in its fixed seeds`, async () => {
      for (const seed of seeds)
        assertClean(profile, await runSimulation({ seed, rates: ratesOf(profile), jobs }));
    });
  }

  test('fresh seeds keep every promise', async (t) => {
    for (const profile of freshProfiles) {
      const seed = 1_000 + randomInt(freshSeedMax);
      t.diagnostic(`SEED=${seed} FAULTS=${profile} JOBS=${jobs} make simulate`);
      assertClean(profile, await runSimulation({ seed, rates: ratesOf(profile), jobs }));
    }
  });

  test('a seed gives the same run again, step by step', async () => {
    const run = () => runSimulation({ seed: 42, rates: ratesOf('pressure'), jobs: 30 });
    const [first, second] = [await run(), await run()];
    assert.deepEqual(first.log.events(), second.log.events());
    assert.equal(first.hash, second.hash);
    assert.equal(first.steps, second.steps);
    const other = await runSimulation({ seed: 43, rates: ratesOf('pressure'), jobs: 30 });
    assert.notEqual(other.hash, first.hash);
  });
});

function assertClean(profile: ProfileName, result: Result): void {
  const [first] = result.violations;
  if (!first) return;
  const command = `SEED=${result.seed} FAULTS=${profile} JOBS=${jobs} make simulate`;
  assert.fail(
    [`${first.checker}: ${first.text}`, `To see it again: ${command}`, ...timelineOf(result)].join('\n'),
  );
}
