// A stream that stands still for minutes: nobody is notified of what changed.

import assert from 'node:assert/strict';
import { buildJob, lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const stuckMs = 5 * 60_000;
/** Uncounted for 20 s, a tick of 30 s, and the plan. */
const foundSeconds = 55;

export const stuckStream: Scenario = {
  name: 'stuck-stream',
  shows: 'Changes that nobody is told of for five minutes are found within a minute each',
  async play({ plot, run, until, rest, clock, born, count, longestDeficit }) {
    await rest(60);
    const until5 = clock.now() + stuckMs;
    plot.onMessage('stream', () => (clock.now() < until5 ? [{ delayMs: until5 - clock.now() }] : null));
    const builds = run('acme/app', buildJob({ matrix: 3 }));
    await until('machines come', foundSeconds + 5, () => born('build').length === 3);
    await until('it is done', 240, () => builds.status === 'completed');
    const lints = run('acme/site', lintJob({ matrix: 3 }));
    await until('pods come', foundSeconds + 5, () => born('lint').length === 3);
    await until('they are done', 120, () => lints.status === 'completed');
    assert.ok(clock.now() < until5, 'the stream stood still all that time');
    assert.ok(count('reconciler_uncounted_total') > 0);
    assert.ok(longestDeficit() <= foundSeconds + 5);
    await rest(stuckMs / 1_000);
    assert.equal(born('build').length + born('lint').length, 6, 'what comes late counts nothing twice');
  },
};
