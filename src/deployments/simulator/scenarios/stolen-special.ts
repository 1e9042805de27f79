// A job that asks for a subset of labels takes the special runner, which was ordered for another one.

import assert from 'node:assert/strict';
import { bigJob, linuxJob } from './jobs.ts';
import { waitSeconds } from './play.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** Heard of by the event of the theft; one request, one more machine. */
const secondSeconds = 30 + 60;

export const stolenSpecial: Scenario = {
  name: 'stolen-special',
  shows:
    'A job that takes the runner of another lane, on another host, leaves neither a job without a runner nor a runner too many',
  async play({ plot, run, until, born, alive }) {
    // Its own pod never registers, so the older job is still there when the big machine comes.
    plot.onBirth(times(1, ({ pool }) => (pool === 'small' ? { boots: 'never' } : null)));
    const [thief] = run('acme/app', linuxJob()).jobs;
    const [robbed] = run('acme/app', bigJob()).jobs;
    assert.ok(thief && robbed);
    await until('the thief starts', 90, () => thief.status === 'in_progress');
    assert.match(thief.runner?.name ?? '', /-big-/, 'on the machine of the other lane');
    await until('another machine is launched, by the event of the theft', 15, () => born('big').length === 2);
    await until('the robbed one starts', secondSeconds, () => robbed.status === 'in_progress');
    assert.ok((waitSeconds(robbed) ?? Number.POSITIVE_INFINITY) < 60 + secondSeconds);
    await until('the pod that nobody needs is released', 300, () => alive('small').length === 0);
    assert.equal(born('small').length, 1);
    assert.equal(born('big').length, 2);
  },
};
