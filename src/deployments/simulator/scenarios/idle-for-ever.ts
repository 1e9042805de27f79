// A GitHub that never drops idle runners, and a cancellation that nobody told of: one job waits, one runner
// comes, and all looks level for ever.

import assert from 'node:assert/strict';
import { buildJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** Idle for 90 s beside the job, a tick; then idle for 100 s as surplus; then its ending. */
const releasedSeconds = 90 + 30 + 100 + 30 + 60;

export const idleForEver: Scenario = {
  name: 'idle-for-ever',
  shows:
    'A runner that idles beside a job that was cancelled unheard is found out by one question, and released',
  settings: { dropsIdleRunners: false },
  async play({ plot, run, until, world, born, alive, calls, runners, record }) {
    plot.onDelivery(times(1, ({ action }) => (action === 'completed' ? { lose: 'forever' } : null)));
    const [job] = run('acme/app', buildJob()).jobs;
    assert.ok(job);
    await until('its machine lives', 10, () => born('build').length === 1);
    world.cancelJob(job.id);
    await until('its runner is online', 120, () => runners('build')[0]?.state === 'online');
    assert.equal(record(job)?.phase, 'queued', 'nobody has heard');
    await until('it is released', releasedSeconds, () => alive('build').length === 0);
    assert.equal(record(job)?.phase, 'completed');
    assert.equal(calls('GET /repos/{owner}/{repo}/actions/jobs'), 1);
    assert.equal(born('build').length, 1);
  },
};
