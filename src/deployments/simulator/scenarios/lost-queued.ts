// A job whose `queued` is lost while its fleet is at zero: nothing else would ever tell of it.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import { waitSeconds } from './play.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** A look at the repository each minute, a tick of 30 s, and a pod's boot. */
const activeSeconds = 60 + 30 + 30;
/** A quiet repository is looked at once an hour. */
const quietSeconds = 3_600 + 30 + 30;
/** Failed deliveries are looked for each minute. */
const failedSeconds = 60 + 30 + 30;

export const neverSentActive: Scenario = {
  name: 'never-sent-active',
  shows: 'A queued event that is never sent is made up for within two minutes where the repository is active',
  async play({ plot, run, until, rest, born, count }) {
    const [earlier] = run('acme/app', lintJob()).jobs;
    await until('the earlier job ends', 300, () => earlier?.status === 'completed');
    await rest(300);
    plot.onDelivery(times(1, ({ action }) => (action === 'queued' ? { lose: 'forever' } : null)));
    const [job] = run('acme/app', lintJob()).jobs;
    assert.ok(job);
    await until('it starts', activeSeconds, () => job.status === 'in_progress');
    await until('it ends', 120, () => job.status === 'completed');
    assert.equal(born('lint').length, 2, 'one runner for each job');
    assert.equal(count('reconciler_jobs_found_total'), 1);
    assert.equal(count('reconciler_redeliveries_total'), 0, 'GitHub lists no delivery that it never sent');
  },
};

export const neverSentQuiet: Scenario = {
  name: 'never-sent-quiet',
  shows: 'A queued event that is never sent is made up for within the hour where the repository is quiet',
  async play({ plot, run, until, born, count }) {
    await until('the first looks are over', 300, () => count('reconciler_sweeps_total', 'queuedJobs') >= 5);
    plot.onDelivery(times(1, ({ action }) => (action === 'queued' ? { lose: 'forever' } : null)));
    const [job] = run('globex/docs', lintJob()).jobs;
    assert.ok(job);
    await until('it starts', quietSeconds, () => job.status === 'in_progress');
    assert.equal(born('lint').length, 1);
    assert.equal(count('reconciler_jobs_found_total'), 1);
  },
};

export const failedQueued: Scenario = {
  name: 'failed-queued',
  shows:
    'A queued event that failed to arrive is sent again within two minutes, though nothing else is known of its repository',
  async play({ plot, run, until, rest, born, count, calls }) {
    await rest(600);
    plot.onDelivery(
      times(1, ({ action, redelivery }) => (action === 'queued' && !redelivery ? { lose: 'failed' } : null)),
    );
    const [job] = run('globex/docs', lintJob()).jobs;
    assert.ok(job);
    await until('it starts', failedSeconds, () => job.status === 'in_progress');
    assert.ok((waitSeconds(job) ?? 0) > 1, 'it was late at all');
    assert.equal(born('lint').length, 1);
    assert.equal(count('reconciler_redeliveries_total'), 1, 'asked for once, not at each look');
    assert.equal(calls('/attempts'), 1);
  },
};
