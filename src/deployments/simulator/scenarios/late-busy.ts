// A job is over for GitHub, and its runner still works on it: the event `completed` has come, the list says busy.

import assert from 'node:assert/strict';
import { buildJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const jobMinutes = 12;
/** GitHub ends a job that does not stop after this. */
const cancelMinutes = 5;
/** GitHub is asked once a minute, then the machine ends. */
const endedSeconds = 60 + 30 + 30;

export const lateBusy: Scenario = {
  name: 'late-busy',
  shows:
    'A runner that still works on a job which is completed keeps its place, is not killed, and ends soon after its work',
  async play({ plot, run, until, rest, world, stage, born, alive, clock }) {
    plot.next('cancelIgnored');
    const [job] = run('acme/app', buildJob({ durationMs: jobMinutes * 60_000 })).jobs;
    assert.ok(job);
    await until('it runs', 120, () => job.status === 'in_progress');
    const worksUntil = clock.now() + jobMinutes * 60_000;
    await rest(30);
    world.cancelJob(job.id);
    await until('GitHub ends it', cancelMinutes * 60 + 5, () => job.status === 'completed');
    await until('its runner has done its work', jobMinutes * 60, () => clock.now() >= worksUntil - 1_000);
    const told = stage.log.events().filter(({ what }) => what === 'told to end');
    assert.deepEqual(told, [], 'nobody told its machine to end while GitHub said busy');
    assert.equal(alive('build').length, 1);
    await until('its machine ends', endedSeconds, () => alive('build').length === 0);
    assert.equal(born('build').length, 1);
  },
};
