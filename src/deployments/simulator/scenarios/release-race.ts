// Scale-down races with assignment: at the very moment at which an idle runner is removed, GitHub gives it a job, and
// answers 422.

import assert from 'node:assert/strict';
import type { Job } from '../../../adapters/github/simulated/state.ts';
import { lintJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

export const releaseRace: Scenario = {
  name: 'release-race',
  shows:
    'A runner that is given a job at the moment of its removal keeps it, and no second one is ordered for that job',
  async play({ plot, run, until, world, born, count, runners }) {
    const [first] = run('acme/app', lintJob()).jobs;
    assert.ok(first);
    await until('its runner is ordered', 10, () => born('lint').length === 1);
    world.cancelJob(first.id);
    let second: Job | undefined;
    let isRemoving = false;
    // GitHub's refusal comes first: were the event faster, a runner would be ordered for a job that has none yet.
    plot.onDelivery(
      times(1, ({ action }) => (action === 'queued' && isRemoving ? { delayMs: 2_000 } : null)),
    );
    plot.onStep((station, step) => {
      if (station !== 'terminator-pods' || step !== 'github.removeRunner' || isRemoving) return null;
      isRemoving = true;
      [second] = run('acme/app', lintJob({ durationMs: 60_000 })).jobs;
      return null;
    });
    await until('the idle runner is removed, and a job comes', 300, () => second !== undefined);
    await until('that job runs', 10, () => second?.status === 'in_progress');
    await until('it ends', 120, () => second?.status === 'completed');
    assert.equal(second?.conclusion, 'success');
    assert.equal(born('lint').length, 1, 'it ran on the runner that was to go');
    const [runner] = runners('lint');
    assert.ok(
      runner?.timeline.some(({ what }) => what === 'assigned'),
      'GitHub said 422',
    );
    assert.equal(count('publisher_orders_total', 'pods', 'launch'), 1);
  },
};
