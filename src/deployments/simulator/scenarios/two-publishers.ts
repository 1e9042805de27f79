// Two Publishers of one host at once: the first one's time is over while it still runs.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** The queue gives its message to another after 15 s. */
const stallMs = 40_000;

export const twoPublishers: Scenario = {
  name: 'two-publishers',
  shows: 'Of two Publishers that decide at once, one wins, and each job has one order',
  async play({ plot, run, until, rest, born, count, longestDeficit }) {
    await rest(60);
    const runsBefore = count('publisher_runs_total', 'pods');
    plot.onStep(
      times(1, (station, step) =>
        station === 'publisher' && step === 'table.commit'
          ? { how: 'stall', when: 'before', ms: stallMs }
          : null,
      ),
    );
    const matrix = run('acme/app', lintJob({ matrix: 5, durationMs: 60_000 }));
    await until('all run', 60, () => matrix.jobs.every((job) => job.status === 'in_progress'));
    await until('all is done', 200, () => matrix.status === 'completed');
    await rest(stallMs / 1_000);
    assert.ok(count('publisher_runs_total', 'pods') >= runsBefore + 2, 'another one ran beside it');
    const lost =
      count('publisher_commits_total', 'pods') - count('publisher_commits_total', 'pods', 'committed');
    assert.ok(lost >= 1, 'the one that stalled lost its commit');
    assert.equal(count('publisher_orders_total', 'pods', 'launch'), 5);
    assert.equal(born('lint').length, 5);
    assert.ok(longestDeficit() <= 30, `${longestDeficit()} s without a runner coming`);
  },
};
