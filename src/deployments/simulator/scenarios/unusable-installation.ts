// The App's installation is suspended, or deleted and made anew, in the middle of the work.

import assert from 'node:assert/strict';
import { buildJob, lintJob } from './jobs.ts';
import type { Play } from './play.ts';
import type { Scenario } from './scenario.ts';

const awayMinutes = 20;
/** Launches that may be tried in that time by the breaker: three, then one after 30, 60, 120, 240, 300, 300 s. */
const launchesMax = 3 + 6;
/** The breaker's longest time, its probe, and then all the rest. */
const backSeconds = 300 + 60 + 120;

function installationOf({ world }: Play, login: string) {
  const installation = world.state.accounts.get(login)?.installation;
  assert.ok(installation);
  return installation;
}

export const suspendedInstallation: Scenario = {
  name: 'suspended-installation',
  shows:
    'While an installation is suspended its running jobs go on, few launches are made in vain, and its jobs start soon after it is back',
  async play(play) {
    const { run, until, rest, world, born, alive } = play;
    const running = run('acme/app', buildJob({ durationMs: 10 * 60_000 }));
    await until('it runs', 120, () => running.jobs[0]?.status === 'in_progress');
    const waiting = run('acme/app', lintJob({ matrix: 4 }));
    await rest(1.2);
    const before = born('lint').length;
    world.setInstallation(installationOf(play, 'acme').id, 'suspended');
    const other = run('globex/docs', lintJob({ matrix: 2 }));
    await until("the other organisation's jobs are not held up", 120, () => other.status === 'completed');
    await until('what ran goes on to its end', 12 * 60, () => running.status === 'completed');
    assert.equal(running.conclusion, 'success');
    await rest(awayMinutes * 60 - 12 * 60);
    const inVain = born('lint').length - before - 2;
    assert.ok(inVain <= launchesMax, `${inVain} machines were launched in vain`);
    world.setInstallation(installationOf(play, 'acme').id, 'active');
    await until('its jobs are done', backSeconds, () => waiting.status === 'completed');
    await until('nothing is alive', 300, () => alive('lint').length + alive('build').length === 0);
  },
};

export const deletedInstallation: Scenario = {
  name: 'deleted-installation',
  shows: 'Jobs that waited when the App was deleted start when it is installed again, under its new number',
  async play(play) {
    const { run, until, rest, world, record } = play;
    const first = run('acme/app', lintJob({ matrix: 2 }));
    await until('the first ones are done', 120, () => first.status === 'completed');
    const waiting = run('acme/app', buildJob({ matrix: 2 }));
    const [job] = waiting.jobs;
    assert.ok(job);
    await until('we know of it', 10, () => record(job) !== null);
    world.setInstallation(installationOf(play, 'acme').id, 'deleted');
    await rest(10 * 60);
    world.install('acme');
    // Of its new number we hear by the next event, or by the look at the list of installations, once an hour.
    const fresh = run('acme/app', lintJob());
    await until('a new job is done', 300, () => fresh.status === 'completed');
    await until('the old ones are done', 30 * 60, () => waiting.status === 'completed');
    assert.equal(waiting.conclusion, 'success');
  },
};
