import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createCompany } from './company.ts';

const startMs = 1_700_000_000_000;

/** Launches that take so long each; when each went on after its answer. */
async function launchesOf(...tookMs: number[]): Promise<number[]> {
  const clock = createVirtualClock(startMs);
  const company = createCompany(clock);
  const wroteAt: number[] = [];
  const all = tookMs.map(async (ms, i) => {
    await company.during(() => clock.sleep(ms));
    await company.gather();
    wroteAt[i] = clock.now() - startMs;
  });
  await clock.advance(60_000);
  await Promise.all(all);
  return wroteAt;
}

test('an answer waits for those that come within a second, and all go on at once', async () => {
  assert.deepEqual(await launchesOf(100, 400, 900), [900, 900, 900]);
});

test('an answer does not wait longer for one that takes its time', async () => {
  assert.deepEqual(await launchesOf(100, 400, 30_000), [1_100, 1_100, 30_000]);
});

test('a launch that is alone waits for nobody', async () => {
  assert.deepEqual(await launchesOf(250), [250]);
});
