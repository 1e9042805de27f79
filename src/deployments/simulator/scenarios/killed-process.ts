// The process is killed in the middle of a burst, again and again: all queues and timers are lost, the table stays.

import assert from 'node:assert/strict';
import { buildJob, lintJob, readyJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const kills = 8;

export const killedProcess: Scenario = {
  name: 'killed-process',
  shows: 'A burst goes through while the process is killed eight times in it, with a machine for each job',
  async play({ run, until, rest, stage, born, mostAlive, longestDeficit }) {
    const runs = [
      run('acme/app', lintJob({ matrix: 40, failFast: false })),
      run('globex/core', lintJob({ matrix: 20, failFast: false })),
      run('acme/site', buildJob({ matrix: 20, failFast: false })),
      run('acme/tools', readyJob({ matrix: 6, failFast: false })),
    ];
    // At odd moments: while orders are made, while machines boot, while jobs end.
    for (let i = 0; i < kills; i += 1) {
      await rest(0.35 + 7.77 * i);
      stage.kill(1_000 + 500 * i);
    }
    await until('all is done', 1_500, () => runs.every(({ status }) => status === 'completed'));
    assert.ok(runs.every(({ conclusion }) => conclusion === 'success'));
    assert.equal(mostAlive('lint'), 6);
    const machines = born('lint').length + born('build').length;
    assert.ok(machines <= 1.1 * 80, `${machines} machines for 80 jobs`);
    assert.ok(longestDeficit() <= 120, `${longestDeficit()} s without a runner coming`);
  },
};
