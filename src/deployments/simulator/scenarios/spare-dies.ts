// A spare is put to work, and its machine dies at that moment.

import assert from 'node:assert/strict';
import { slowHost } from '../landscape.ts';
import { readyJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** The host's refusal is an answer, so the next machine comes at once: the second spare. */
const nextSeconds = 30;
const spares = 2;

export const spareDies: Scenario = {
  name: 'spare-dies',
  shows:
    'A job whose spare dies as it is put to work gets another machine within two minutes, and the spares are made whole',
  async play({ plot, run, until, stage, alive, mostAlive, runners, clock }) {
    const standing = () =>
      runners('ready').filter(({ state, restedAt }) => state === 'standby' && restedAt !== null).length;
    await until('the spares stand by', 120, () => standing() === spares);
    let diedAt = 0;
    plot.onStep(
      times(1, (station, step) => {
        if (station !== 'launcher-ec2' || step !== 'ec2.activate') return null;
        const activated = runners('ready').find(
          ({ activates, state }) => activates !== null && state !== 'gone',
        );
        assert.ok(activated?.activates);
        stage
          .host(slowHost)
          ?.vanish(activated.activates.spare, { cause: 'spot interruption', silently: true });
        diedAt = clock.now();
        return { how: 'stall', when: 'before', ms: 1 };
      }),
    );
    const [job] = run('acme/app', readyJob()).jobs;
    assert.ok(job);
    await until('the spare dies', 10, () => diedAt > 0);
    await until('the job starts', nextSeconds, () => job.status === 'in_progress');
    await until(
      'the spares stand by again',
      300,
      () => standing() === spares && alive('ready').length === spares,
    );
    assert.ok(mostAlive('ready') <= 5);
  },
};
