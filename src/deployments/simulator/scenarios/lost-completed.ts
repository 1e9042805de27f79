// The end of a job is never told, and its runner is gone: nobody is left to say that the job is over.

import assert from 'node:assert/strict';
import { buildJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

/** Two minutes after the runner's end, a tick. */
const askedSeconds = 120 + 30 + 10;

export const lostCompleted: Scenario = {
  name: 'lost-completed',
  shows: 'A job whose end is never told is asked about once, two minutes after its runner is gone',
  async play({ plot, run, until, born, alive, record, calls }) {
    plot.onDelivery(({ action }) => (action === 'completed' ? { lose: 'forever' } : null));
    const [job] = run('acme/app', buildJob()).jobs;
    assert.ok(job);
    await until('it ends', 200, () => job.status === 'completed');
    await until('its machine is gone', 30, () => alive('build').length === 0);
    assert.equal(record(job)?.phase, 'in_progress');
    await until('we know', askedSeconds, () => record(job)?.phase === 'completed');
    assert.equal(record(job)?.conclusion, 'success');
    assert.equal(calls('GET /repos/{owner}/{repo}/actions/jobs'), 1);
    assert.equal(born('build').length, 1);
  },
};
