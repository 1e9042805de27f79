// A runner is to go while its launch is not answered yet. If its removal overtook the launch, GitHub would not
// know it (404), its machine would then come, take a job, and be ended in the middle of it.

import assert from 'node:assert/strict';
import type { Job } from '../../../adapters/github/simulated/state.ts';
import { configuration } from '../landscape.ts';
import { lintJob } from './jobs.ts';
import { times } from './plot.ts';
import type { Scenario } from './scenario.ts';

/** Idle runners are not wanted at all, so that the removal begins while the launch is under way. */
const impatient = {
  ...configuration,
  version: `${configuration.version}-impatient`,
  pools: configuration.pools.map((pool) => (pool.name === 'lint' ? { ...pool, idleMs: 0 } : pool)),
};

export const overtakingRemoval: Scenario = {
  name: 'overtaking-removal',
  shows:
    'The removal of a runner waits for the answer of its launch, so that a job which it is given meanwhile is not killed',
  configuration: impatient,
  async play({ plot, run, until, rest, world, born, alive, record, runners }) {
    await rest(60);
    // The call has its effect at once; its answer is lost, and the lease runs on.
    plot.onLaunch(
      'pods',
      times(1, () => ({ kind: 'answerLost' })),
    );
    const [first] = run('acme/app', lintJob()).jobs;
    assert.ok(first);
    await until('its machine lives', 10, () => born('lint').length === 1);
    // The terminator that would come too early: it stalls behind GitHub's answer.
    plot.onStep(
      times(1, (station, step) =>
        station === 'terminator-pods' && step === 'github.removeRunner'
          ? { how: 'stall', when: 'after', ms: 20_000 }
          : null,
      ),
    );
    world.cancelJob(first.id);
    let second: Job | undefined;
    await until('it has to go', 10, () => runners('lint')[0]?.removing != null);
    [second] = run('acme/site', lintJob({ durationMs: 120_000 })).jobs;
    assert.ok(second);
    await until('the second job starts', 60, () => second?.status === 'in_progress');
    assert.equal(second.runner?.name, runners('lint')[0]?.name, 'on the runner that was to go');
    await until('it ends by itself', 150, () => second?.status === 'completed');
    assert.equal(second.conclusion, 'success');
    await until('we know', 10, () => record(second ?? first)?.conclusion === 'success');
    await until('nothing is alive', 200, () => alive('lint').length === 0);
    assert.ok(born('lint').length <= 2);
  },
};
