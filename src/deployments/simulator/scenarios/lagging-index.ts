// An index of the table lags while a lane's last runner goes: the job that waits is counted, and not yet found by it.

import assert from 'node:assert/strict';
import { slowHost } from '../landscape.ts';
import { specialJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

/** Known by the runner that was ordered for it, whatever the index says; one question, one launch. */
const orderedSeconds = 60;

export const laggingIndex: Scenario = {
  name: 'lagging-index',
  shows:
    'A job that waits when its lane loses its last runner is asked about at once, though the index does not show it yet',
  settings: { dropsIdleRunners: false },
  async play({ plot, run, until, rest, world, stage, born, record, runners }) {
    // Its group does not admit the repository: it is held, and freed again, beside a runner that idles.
    const [job] = run('globex/docs', specialJob()).jobs;
    assert.ok(job);
    await until('it is held', 400, () => record(job)?.counted?.class === 'held');
    plot.next('indexLag', 100_000);
    await until('its hold ends', 120, () => record(job)?.counted?.class === 'orphaned');
    const [runner] = runners('special');
    assert.equal(runner?.state, 'online', 'its runner idles on');
    assert.ok(stage.host(slowHost)?.vanish(runner.name, { cause: 'spot interruption', silently: false }));
    await until('another is launched', orderedSeconds, () => born('special').length === 2);
    stage.scene.mischief.stop();
    await rest(60);
    world.cancelJob(job.id);
  },
};
