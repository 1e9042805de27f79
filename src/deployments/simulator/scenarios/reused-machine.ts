// A machine is paid for longer than its job takes, so it goes on for the next one of its scope.

import assert from 'node:assert/strict';
import { specialJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

/** Cleaned, asked again, put to rest: no boot. */
const againSeconds = 90;
/** The pool's `reuseMs`, and the tick that acts upon it. */
const reuseSeconds = 20 * 60 + 120;

export const reusedMachine: Scenario = {
  name: 'reused-machine',
  shows:
    'A machine works for one job of its scope after another, each under a new registration, is given to no other scope, and ends when its time is over',
  async play({ run, until, born, alive, mostAlive, runners }) {
    const [first] = run('acme/app', specialJob()).jobs;
    assert.ok(first);
    await until('the first job is done', 200, () => first.status === 'completed');
    const standing = () =>
      runners('special').filter(({ state, restedAt }) => state === 'standby' && restedAt);
    await until('its machine stands by', againSeconds, () => standing().length === 1);

    const [second] = run('acme/app', specialJob()).jobs;
    assert.ok(second);
    await until('the second job is at work', 30, () => second.status === 'in_progress');
    assert.equal(born('special').length, 1, 'no machine was launched for it');
    assert.notEqual(second.runner?.name, first.runner?.name, 'it has a registration of its own');

    await until('the machine stands by again', 120, () => standing().length === 1);
    const [other] = run('globex/core', specialJob()).jobs;
    assert.ok(other);
    await until('the job of another scope is at work', 200, () => other.status === 'in_progress');
    assert.equal(born('special').length, 2, 'on a machine of its own');
    assert.equal(mostAlive('special'), 2);

    await until('both machines have been used for long enough', reuseSeconds + 200, () => {
      return alive('special').length === 0;
    });
  },
};
