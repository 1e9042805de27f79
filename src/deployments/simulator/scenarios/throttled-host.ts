// A host that takes no more calls (429) in the middle of a burst.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const throttledSeconds = 120;
/** Of the back-off, which has doubled by then, one tick, and a pod's boot. */
const resumedSeconds = 120;

export const throttledHost: Scenario = {
  name: 'throttled-host',
  shows:
    'A host that refuses calls for two minutes in a burst is called a few times only, and the burst goes on after it',
  async play({ plot, run, until, clock, born, mostAlive }) {
    const from = clock.now();
    const isThrottled = () => clock.now() < from + throttledSeconds * 1_000;
    plot.onLaunch('pods', () =>
      isThrottled()
        ? { kind: 'refused', refusal: 'throttled', reason: '429 Too Many Requests', retryAfterMs: null }
        : null,
    );
    const burst = run('acme/app', lintJob({ matrix: 30, failFast: false }));
    await until('the host takes calls again', throttledSeconds + 1, () => !isThrottled());
    const refused = plot.launchCalls.get('pods') ?? 0;
    // Six at once, then one wave after each back-off of 7.5, 15, 30, 60 s.
    assert.ok(refused >= 6 && refused <= 6 * 5, `${refused} calls were made for nothing`);
    await until('a machine is born', resumedSeconds, () => born('lint').length > 0);
    await until('all is done', 600, () => burst.status === 'completed');
    assert.equal(born('lint').length, 30, 'a machine for each job, and none for nothing');
    assert.equal(mostAlive('lint'), 6);
  },
};
