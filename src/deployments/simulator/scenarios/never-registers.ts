// A runner that boots and never registers: it counts as capacity until its deadline, and no longer.

import assert from 'node:assert/strict';
import { configuration } from '../landscape.ts';
import { buildJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

const bootMs = configuration.pools.find(({ name }) => name === 'build')?.bootMs ?? 0;
/** A tick, the ending of the dead one, and the boot of the next. */
const replacedSeconds = 30 + 60 + 60;

export const neverRegisters: Scenario = {
  name: 'never-registers',
  shows:
    'A runner that never registers counts until its boot deadline, and is replaced after it by one other',
  async play({ plot, run, until, rest, born, alive, runners, calls }) {
    plot.onBirth(times(1, ({ pool }) => (pool === 'build' ? { boots: 'never' } : null)));
    const [job] = run('acme/app', buildJob()).jobs;
    assert.ok(job);
    await until('its machine is born', 10, () => born('build').length === 1);
    await rest(bootMs / 1_000 - 5);
    assert.equal(born('build').length, 1, 'no second one while the first may still come');
    assert.equal(alive('build').length, 1);
    await until('it starts', 5 + replacedSeconds, () => job.status === 'in_progress');
    assert.equal(born('build').length, 2);
    const codes = runners('build').map(({ removing, end }) => (removing ?? end)?.code);
    assert.ok(codes.includes('bootDeadline'), `its ending says why: ${codes.join(', ')}`);
    assert.equal(
      calls('GET /repos/{owner}/{repo}/actions/jobs'),
      1,
      'the job is asked about once, before its second order',
    );
  },
};
