// A job that waits for an approval is no job to order for; from its approval on it is one as any other.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

export const approval: Scenario = {
  name: 'approval',
  shows: 'No runner is ordered for a job before its approval, and one at once after it',
  async play({ run, until, rest, world, born, record }) {
    const gated = run('acme/app', lintJob(), lintJob({ name: 'deploy', needs: ['lint'], approval: true }));
    await until('the first job is done', 120, () => gated.jobs[0]?.status === 'completed');
    await rest(20 * 60);
    const deploy = gated.jobs[1];
    assert.ok(deploy);
    assert.equal(deploy.status, 'waiting');
    assert.equal(record(deploy)?.phase, 'gated');
    assert.equal(born('lint').length, 1);
    assert.equal(world.approve(gated.id), 1);
    await until('it starts', 40, () => deploy.status === 'in_progress');
    assert.equal(born('lint').length, 2);
  },
};

/** The look at the repository, an hour after its last event at the latest, and a boot. */
const lookSeconds = 3_600 + 120;

export const approvalUnheard: Scenario = {
  name: 'approval-unheard',
  shows:
    'An approval that nobody tells of is found by the look at its repository, and a rejection by a rare question',
  async play({ plot, run, until, rest, world, record, born }) {
    const approved = run('acme/app', lintJob({ name: 'deploy', approval: true })).jobs[0];
    const rejected = run('acme/tools', lintJob({ name: 'deploy', approval: true })).jobs[0];
    assert.ok(approved && rejected);
    await rest(120);
    plot.onDelivery(times(2, () => ({ lose: 'forever' })));
    world.approve(approved.run.id);
    world.cancelJob(rejected.id);
    await until('the approved one starts', lookSeconds, () => approved.status === 'in_progress');
    await until('we know of the rejection', lookSeconds, () => record(rejected)?.phase === 'completed');
    assert.equal(born('lint').length, 1);
  },
};
