// A runner was ordered for one job and runs another. The end of the first, which never had a runner, is no reason
// to end it.

import assert from 'node:assert/strict';
import type { Job } from '../../../core/job.ts';
import { buildJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** The event of the older job is so late. */
const lateMs = 8_000;

export const swappedJobs: Scenario = {
  name: 'swapped-jobs',
  shows:
    "A job that ends without a runner does not end the runner that was ordered for it and runs another's",
  async play({ plot, run, until, rest, world, born, alive, record }) {
    plot.onDelivery(times(1, ({ action }) => (action === 'queued' ? { delayMs: lateMs } : null)));
    const [older] = run('acme/site', buildJob({ durationMs: 180_000 })).jobs;
    const [younger] = run('acme/app', buildJob()).jobs;
    assert.ok(older && younger);
    await until('a runner is ordered for the younger', 5, () => orderedFor(record(younger)) !== null);
    await until('one is ordered for the older', 15, () => orderedFor(record(older)) !== null);
    const first = orderedFor(record(younger));
    await until('the older starts', 120, () => older.status === 'in_progress');
    assert.equal(older.runner?.name, first, 'on the runner that was ordered for the younger');
    world.cancelJob(younger.id);
    await until('the other runner is released', 300, () => alive('build').length === 1);
    await until('the older ends by itself', 200, () => older.status === 'completed');
    assert.equal(older.conclusion, 'success');
    await rest(60);
    assert.equal(born('build').length, 2);
  },
};

function orderedFor(job: Job | null): string | null {
  return job?.lastOrder?.runner ?? null;
}
