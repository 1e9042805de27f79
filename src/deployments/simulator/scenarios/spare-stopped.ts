// Spares wait stopped: they come to rest before they are used, and boot again when a job comes.

import assert from 'node:assert/strict';
import { readyJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const spares = 2;

export const spareStopped: Scenario = {
  name: 'spare-stopped',
  shows:
    'A spare that waits stopped is started for a job, and none is put to work before it has come to rest',
  async play({ run, until, runners, born, stage }) {
    const resting = () => runners('ready').filter(({ state, restedAt }) => state === 'standby' && restedAt);
    await until('the spares are at rest', 180, () => resting().length === spares);
    const ground = stage.scene.grounds.get(runners('ready')[0]?.host ?? ('' as never));
    for (const { machine } of resting())
      assert.equal(ground?.byId(machine ?? ('' as never))?.rest, 'resting', 'its machine has stopped');
    const [job] = run('acme/app', readyJob()).jobs;
    assert.ok(job);
    await until('the job starts', 90, () => job.status === 'in_progress');
    const [worker] = runners('ready').filter(({ name }) => name === job.runner?.name);
    assert.ok(worker?.activates, "it runs on a spare's machine");
    await until('the spares are made whole, at rest', 240, () => resting().length === spares);
    assert.equal(born('ready').length, spares + 1);
  },
};
