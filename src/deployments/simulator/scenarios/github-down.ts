// GitHub answers nothing for minutes, in the middle of a burst.

import assert from 'node:assert/strict';
import { buildJob, lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const downMinutes = 7;
/** Orders that wait for GitHub: as many as the pool allows. */
const orders = 6;
/** An order is tried each 5 s, by one launcher at a time. */
const triesPerMinute = 60 / 5;
/** The next try, or that of the tick for a message that was tried too often, and a boot. */
const backSeconds = 60;

export const gitHubDown: Scenario = {
  name: 'github-down',
  shows:
    'While GitHub answers nothing each order is tried by one launcher at a time, what runs goes on, and all is done soon after',
  async play({ plot, run, until, clock, calls, born }) {
    const builds = run('acme/app', buildJob({ matrix: 3, durationMs: 60_000 }));
    await until('what came before runs', 120, () =>
      builds.jobs.every(({ status }) => status === 'in_progress'),
    );
    const from = clock.now();
    const isDown = () => clock.now() < from + downMinutes * 60_000;
    plot.onAnswer(() => (isDown() ? 'unavailable' : null));
    const lints = run('acme/app', lintJob({ matrix: 12, failFast: false }));
    await until('what runs ends as ever', 120, () => builds.status === 'completed');
    const before = calls('generate-jitconfig');
    await until('GitHub is back', downMinutes * 60 + 1, () => !isDown());
    const tries = calls('generate-jitconfig') - before;
    assert.ok(
      tries <= orders * triesPerMinute * downMinutes,
      `${tries} configurations were asked for in vain`,
    );
    await until('machines come', backSeconds, () => born('lint').length > 0);
    await until('all is done', 300, () => lints.status === 'completed');
    assert.equal(born('lint').length, 12);
  },
};
