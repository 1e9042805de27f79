// GitHub no longer gives jobs to this version of the runner: it registers, idles, and is dropped.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const brokenMinutes = 60;
/** Three machines until it is sure, then one after each time that the breaker is open: at most one in 5 minutes. */
const launchesMax = 3 * 4 + brokenMinutes / 5;
/** The longest hold, or time of the breaker, and a boot. */
const mendedSeconds = 300 + 300 + 60;

export const deprecatedRunner: Scenario = {
  name: 'deprecated-runner',
  shows:
    'Runners that get no job for their version are launched a few times only, with the reason at the job, and jobs start when it is mended',
  async play({ plot, run, until, rest, born, record, stage }) {
    plot.next('deprecated', 1_000);
    const jobs = run('acme/app', lintJob({ matrix: 4, failFast: false }));
    const [job] = jobs.jobs;
    assert.ok(job);
    await until('they are held', 400, () => jobs.jobs.every((one) => record(one)?.held != null));
    assert.match(record(job)?.held?.cause ?? '', /runner version is deprecated/);
    await rest(brokenMinutes * 60);
    assert.ok(
      born('lint').length <= launchesMax,
      `${born('lint').length} machines were launched for nothing`,
    );
    stage.scene.mischief.stop();
    await until('all is done', mendedSeconds, () => jobs.status === 'completed');
  },
};
