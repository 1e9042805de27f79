// The configuration changes in the middle of the work: a pool is gone, a limit is lowered, labels move to another pool.

import assert from 'node:assert/strict';
import type { Configuration, PoolSettings } from '../../../core/configuration.ts';
import { configuration } from '../landscape.ts';
import { lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const downMs = 2_000;
/** After a start every job that waits is routed again, and every host recounts. */
const settledSeconds = 60;

function changed(what: string, pools: readonly PoolSettings[]): Configuration {
  return { ...configuration, version: `${configuration.version}-${what}`, pools };
}

const withoutLint = changed(
  'without-lint',
  configuration.pools.filter(({ name }) => name !== 'lint'),
);
const lowered = changed(
  'lowered',
  configuration.pools.map((pool) => (pool.name === 'lint' ? { ...pool, limit: 2 } : pool)),
);
/** The jobs of `lint` belong to a pool of the slow host from now on. */
const moved = changed(
  'moved',
  configuration.pools.map((pool) => {
    if (pool.name === 'lint') return { ...pool, labels: ['self-hosted', 'old-lint'] };
    return pool.name === 'build'
      ? { ...pool, labels: [...pool.labels, 'lint'].sort(), limit: pool.limit }
      : pool;
  }),
);

export const poolGone: Scenario = {
  name: 'pool-gone',
  shows:
    'When a pool is taken out, what runs there ends by itself, what waits says why, and what comes is not launched',
  async play({ run, until, rest, stage, born, alive, record, world }) {
    const matrix = run('acme/app', lintJob({ matrix: 12, durationMs: 120_000, failFast: false }));
    await until('six run', 60, () => alive('lint').length === 6);
    await until(
      'they work',
      60,
      () => matrix.jobs.filter(({ status }) => status === 'in_progress').length === 6,
    );
    stage.kill(downMs, withoutLint);
    await rest(downMs / 1_000 + settledSeconds);
    const waiting = matrix.jobs.filter(({ status }) => status === 'queued');
    assert.ok(waiting.length > 0);
    for (const job of waiting) assert.equal(record(job)?.route.kind, 'refused', 'it says why it gets none');
    await until('what ran has ended', 200, () => alive('lint').length === 0);
    const ended = matrix.jobs.filter(({ status }) => status === 'completed');
    assert.equal(ended.length, 6);
    for (const job of ended) assert.equal(job.conclusion, 'success', 'by itself');
    await rest(300);
    assert.equal(born('lint').length, 6);
    world.cancelRun(matrix.id);
  },
};

export const loweredLimit: Scenario = {
  name: 'lowered-limit',
  shows: 'A lowered limit kills nothing, and orders nothing until it holds',
  async play({ run, until, rest, stage, alive, clock, runners }) {
    const matrix = run('acme/app', lintJob({ matrix: 16, durationMs: 90_000, failFast: false }));
    await until(
      'six work',
      90,
      () => matrix.jobs.filter(({ status }) => status === 'in_progress').length === 6,
    );
    const changedAt = clock.now();
    stage.kill(downMs, lowered);
    await rest(downMs / 1_000 + 5);
    assert.equal(alive('lint').length, 6, 'nothing is killed');
    await until('the limit holds', 200, () => alive('lint').length <= 2);
    await until('all is done', 1_200, () => matrix.status === 'completed');
    assert.equal(matrix.conclusion, 'success');
    const later = runners('lint').filter(({ orderedAt }) => orderedAt > changedAt);
    assert.equal(later.length, 10);
    // At each order, what lived and what was ordered is within the new limit.
    for (const { orderedAt } of later) {
      const others = runners('lint').filter(
        (other) => other.orderedAt < orderedAt && (other.goneAt ?? Number.POSITIVE_INFINITY) > orderedAt,
      );
      assert.ok(others.length < 2, `${others.length} others had a place when one was ordered`);
    }
  },
};

export const labelsMoved: Scenario = {
  name: 'labels-moved',
  shows: 'Jobs whose labels move to a pool of another host are counted there, and get their runners there',
  async play({ run, until, stage, born, alive }) {
    const matrix = run('acme/app', lintJob({ matrix: 12, durationMs: 60_000, failFast: false }));
    await until(
      'six work',
      90,
      () => matrix.jobs.filter(({ status }) => status === 'in_progress').length === 6,
    );
    stage.kill(downMs, moved);
    await until('the others have machines there', settledSeconds + 60, () => alive('build').length >= 6);
    await until('all is done', 300, () => matrix.status === 'completed');
    assert.equal(matrix.conclusion, 'success');
    assert.ok(born('build').length <= 7, `${born('build').length} machines for six jobs`);
  },
};
