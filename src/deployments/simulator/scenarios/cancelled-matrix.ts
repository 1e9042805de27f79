// A matrix of 256 jobs, which people cancel half-way.

import assert from 'node:assert/strict';
import { buildJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const jobs = 256;
const limit = 7;
/** All machines that ran or booted when it was cancelled are told to stop, and end. */
const endSeconds = 240;

export const cancelledMatrix: Scenario = {
  name: 'cancelled-matrix',
  shows:
    'A matrix of 256 jobs that is cancelled half-way leaves nothing behind, and no runner is ordered after it',
  async play({ run, until, rest, born, alive, mostAlive, world, count }) {
    const matrix = run('acme/app', buildJob({ matrix: jobs, durationMs: 20_000, failFast: false }));
    const done = () => matrix.jobs.filter((job) => job.status === 'completed').length;
    await until('half of it is done', 3_600, () => done() >= jobs / 2);
    assert.equal(mostAlive('build'), limit, 'the limit is used, and kept');
    const before = born('build').length;
    world.cancelRun(matrix.id);
    await until('every job has ended', 30, () => matrix.status === 'completed');
    await until('every machine has ended', endSeconds, () => alive('build').length === 0);
    await rest(600);
    const started = matrix.jobs.filter((job) => job.runner !== null).length;
    assert.ok(
      born('build').length <= before + limit,
      `${born('build').length - before} machines were born after it`,
    );
    assert.ok(
      born('build').length <= started + limit,
      'no launch is for nothing but those under way at the end',
    );
    // Each job has one order at most, and all but a few ended or started before anybody had a doubt.
    assert.ok(count('reconciler_asks_total') <= 0.05 * jobs, `${count('reconciler_asks_total')} asks`);
  },
};
