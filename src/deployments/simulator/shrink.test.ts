import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Outcome, Task } from './campaign.ts';
import { chooseFaults, ratesOf } from './faults.ts';
import { shrink } from './shrink.ts';

/** A failure that needs two kinds of faults and so many jobs. */
async function run(task: Task): Promise<Outcome> {
  const choice = chooseFaults(task.faults);
  const rates = 'problem' in choice ? {} : choice.rates;
  const fails = 'crash' in rates && 'launchLate' in rates && task.jobs >= 40;
  return {
    task,
    profile: 'all',
    violation: fails ? { checker: 'limits', text: 'one too many' } : null,
    violations: fails ? 1 : 0,
    deficitsMs: [],
    worstDeficit: null,
    injected: [],
    steps: 0,
    virtualMs: 0,
    jobs: task.jobs,
    started: 0,
    launches: 0,
    asks: 0,
    meanWaitMs: 0,
    clairvoyantWaitMs: 0,
    hash: '',
  };
}

test('a failure is shrunk to the kinds of faults and the jobs that it needs', async () => {
  const failed = await run({ seed: 7, faults: 'all', jobs: 200 });
  let tries = 0;
  const smallest = await shrink(failed, run, () => {
    tries += 1;
  });
  assert.deepEqual(smallest, { seed: 7, faults: 'all:crash,launchLate', jobs: 50 });
  assert.ok(tries < Object.keys(ratesOf('all')).length * 2, `${tries} tries`);
});

test('a failure by another checker is not the same failure', async () => {
  const failed = {
    ...(await run({ seed: 7, faults: 'all', jobs: 200 })),
    violation: { checker: 'quiet', text: 'left' },
  };
  assert.deepEqual(await shrink(failed, run, () => {}), failed.task);
});
