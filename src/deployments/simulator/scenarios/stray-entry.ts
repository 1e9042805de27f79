// A runner is registered, and given up before it has a machine: its entry at GitHub would stay for a day.

import assert from 'node:assert/strict';
import { ownRunnerName } from '../../../core/ids.ts';
import { deploymentOf } from '../landscape.ts';
import { lintJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** GitHub's list of runners is read each minute while some are registered. */
const removedSeconds = 60 + 60;

export const strayEntry: Scenario = {
  name: 'stray-entry',
  shows: 'A registration whose runner was given up before its launch is removed within two minutes',
  async play({ plot, run, until, world, stage, born, runners }) {
    const { prefix } = deploymentOf(1);
    const entries = () =>
      [...stage.scene.gitHubRunners.keys()].filter((name) => ownRunnerName(prefix, name) !== null).length;
    // The launcher dies with the configuration in its hand, each time, and people cancel the job meanwhile.
    plot.onStep(
      times(9, (station, step) =>
        station === 'launcher-pods' && step === 'github.mintRunner' ? { how: 'crash', when: 'after' } : null,
      ),
    );
    const [job] = run('acme/app', lintJob()).jobs;
    assert.ok(job);
    await until('it is registered', 10, () => entries() === 1);
    world.cancelJob(job.id);
    await until('its order is void', 150, () => runners('lint')[0]?.state === 'gone');
    assert.equal(born('lint').length, 0);
    await until('the entry is removed', removedSeconds, () => entries() === 0);
  },
};
