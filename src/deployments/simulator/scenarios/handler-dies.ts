// A launcher dies between its mark, the host's call and the answer. What it began may live, and is never begun
// twice; its place is free only when the host says so.

import assert from 'node:assert/strict';
import { buildJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** The lease of 30 s, a tick of 30 s, a list. */
const resolvedSeconds = 30 + 30 + 10;

export const diesAfterCall: Scenario = {
  name: 'dies-after-call',
  shows:
    'A machine whose launcher died before it heard the answer is taken over, and no other is launched for its job',
  async play({ plot, run, until, rest, born, runners }) {
    plot.onStep(
      times(1, (station, step) =>
        station === 'launcher-ec2' &&
        step === 'ec2.launch' &&
        born('build').length === 0 &&
        runners('build').length > 0
          ? { how: 'crash', when: 'after' }
          : null,
      ),
    );
    const [job] = run('acme/app', buildJob({ durationMs: 120_000 })).jobs;
    assert.ok(job);
    await until('its machine lives', 10, () => born('build').length === 1);
    await until('it starts', 90, () => job.status === 'in_progress');
    await until('we know its machine', resolvedSeconds, () => runners('build')[0]?.machine !== null);
    await until('it ends', 200, () => job.status === 'completed');
    assert.equal(job.conclusion, 'success');
    await rest(300);
    assert.equal(born('build').length, 1);
  },
};

export const diesBeforeCall: Scenario = {
  name: 'dies-before-call',
  shows:
    'A runner whose launcher died after its mark and before the call is given up, and holds its place until no call can follow',
  async play({ plot, run, until, born, mostAlive, runners, clock }) {
    plot.onStep(
      times(1, (station, step) =>
        station === 'launcher-ec2' && step === 'ec2.launch' && runners('build').length > 0
          ? { how: 'crash', when: 'before' }
          : null,
      ),
    );
    const [job] = run('acme/app', buildJob()).jobs;
    assert.ok(job);
    const from = clock.now();
    await until('it starts on another', resolvedSeconds + 90, () => job.status === 'in_progress');
    const [given] = runners('build').filter(({ removing, end }) => (removing ?? end)?.code === 'uncertain');
    assert.ok(given, 'the first one is uncertain');
    await until(
      'its place is free',
      400,
      () => runners('build').find(({ name }) => name === given.name)?.state === 'gone',
    );
    const goneAt = runners('build').find(({ name }) => name === given.name)?.goneAt ?? 0;
    // Lease 30 s, then the latest moment at which a call has its effect (50 s), and the age of the list (45 s).
    assert.ok(goneAt - from >= (30 + 50 + 45) * 1_000, `free after ${(goneAt - from) / 1_000} s`);
    assert.equal(born('build').length, 1);
    assert.equal(mostAlive('build'), 1);
  },
};
