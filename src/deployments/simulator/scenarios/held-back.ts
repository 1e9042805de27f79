// GitHub offers no more jobs of a matrix than `max-parallel` says, and tells nobody: the others look like jobs that
// wait for runners.

import assert from 'node:assert/strict';
import { lintJob } from './jobs.ts';
import type { Scenario } from './scenario.ts';

const jobs = 8;
const parallel = 2;
const jobSeconds = 400;
/** Found online by GitHub's list (60 s and a tick), idle for 90 s, a tick. */
const heldSeconds = 60 + 30 + 90 + 30 + 10;
/** Each end of a job frees the others that are held, of which GitHub then offers one. */
const launchesPerJobMax = 2.5;
/** Four rounds of two, each of which may begin late by the longest hold (300 s), and a boot. */
const allSeconds = (jobs / parallel) * (jobSeconds + 300 + 30);

export const maxParallel: Scenario = {
  name: 'max-parallel',
  shows:
    'Jobs that max-parallel holds back are held with that reason, cost few launches, and start when GitHub offers them',
  async play({ run, until, born, record, calls }) {
    const matrix = run(
      'acme/app',
      lintJob({ matrix: jobs, maxParallel: parallel, durationMs: jobSeconds * 1_000, failFast: false }),
    );
    const held = () => matrix.jobs.filter((job) => record(job)?.counted?.class === 'held');
    await until('runners idle beside the others, which are held', heldSeconds, () => held().length >= 3);
    assert.match(record(held()[0] ?? assert.fail())?.held?.cause ?? '', /max-parallel/);
    await until('all is done', allSeconds, () => matrix.status === 'completed');
    assert.equal(matrix.conclusion, 'success');
    assert.ok(
      born('lint').length <= launchesPerJobMax * jobs,
      `${born('lint').length} machines for ${jobs} jobs`,
    );
    const asks = calls('GET /repos/{owner}/{repo}/actions/jobs');
    assert.ok(asks <= 5 * jobs, `${asks} questions about ${jobs} jobs`);
  },
};
