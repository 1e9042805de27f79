// A run is run again: its jobs have new numbers under the same names, and its events overtake one another.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

export const rerun: Scenario = {
  name: 'rerun',
  shows:
    'The second attempt of a run gets its runners as the first did, whatever of its events come late and twice',
  async play({ plot, run, until, rest, world, born }) {
    const first = run('acme/app', lintJob({ matrix: 3, outcome: 'failure', failFast: false }));
    await until('it has failed', 120, () => first.status === 'completed');
    // That the second attempt has begun is told when it is over.
    plot.onDelivery(
      times(3, ({ action }) => (action === 'in_progress' ? { delayMs: 45_000, duplicates: 1 } : null)),
    );
    assert.ok(world.rerun(first.id, 'failed'));
    const again = first.jobs.filter((job) => job.attempt === 2);
    assert.equal(again.length, 3);
    await until('all start', 60, () => again.every((job) => job.status !== 'queued'));
    await until('it is over', 120, () => first.status === 'completed');
    await rest(120);
    assert.equal(born('lint').length, 6);
  },
};
