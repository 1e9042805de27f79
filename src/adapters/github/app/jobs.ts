// Jobs: one by its id, all of a run, or all that wait in a repository.

import { z } from 'zod';
import type { Random } from '../../../ports/clock.ts';
import { type GitHub, GitHubError, type JobReport, type RepositoryRef } from '../../../ports/github.ts';
import { jobOfRest } from '../../../ports/job-report.ts';
import { allPages, inGroups, pageLength } from './pages.ts';
import { demand, type Requests } from './requests.ts';
import { repositoryParameters } from './scope-route.ts';

type Jobs = Pick<GitHub, 'readJob' | 'queuedJobs'>;

/** GitHub gives at most 1,000 results of a list that is filtered by status. */
const runPagesMax = 10;
/** Each run costs a request: 200 are 4 % of an installation's hour, in a repository that is busy beyond reason. */
const runsMax = 200;
/** A matrix has at most 256 jobs, a run may have several; 2,000 is what GitHub shows of one. */
const jobPagesMax = 20;
/** Quick enough, and far from the requests at once that GitHub allows. */
const runsAtOnce = 8;

/** Not by their jobs: a run in progress may hold jobs that wait. */
const statusesWithWaitingJobs = ['queued', 'in_progress'] as const;

export function createJobs(requests: Requests, random: Random): Jobs {
  const runsOf = (repository: RepositoryRef, status: string): Promise<number[]> =>
    allPages(`${status} runs of ${repository.repository}`, runPagesMax, async (page) => {
      const { data } = await demand(requests, {
        caller: repository.installation,
        route: 'GET /repos/{owner}/{repo}/actions/runs',
        parameters: { ...repositoryParameters(repository.repository), status, per_page: pageLength, page },
        reads: runsSchema,
      });
      const total = Math.min(data.total_count, runPagesMax * pageLength);
      return { items: data.workflow_runs.map((run) => run.id), total };
    });

  return {
    async readJob(repository, jobId) {
      const answer = await requests.ask({
        caller: repository.installation,
        route: 'GET /repos/{owner}/{repo}/actions/jobs/{job_id}',
        parameters: { ...repositoryParameters(repository.repository), job_id: jobId },
        reads: z.unknown(),
        expects: [404],
      });
      if (!answer.done) return null;
      const { report, problem } = jobOfRest(answer.data, repository);
      if (report === null) throw new GitHubError('invalid', `GitHub's answer for job ${jobId}: ${problem}`);
      return report;
    },

    async queuedJobs(repository) {
      const listed = await Promise.all(statusesWithWaitingJobs.map((status) => runsOf(repository, status)));
      // A run that moved on between the two lists is in both.
      const runs = pick([...new Set(listed.flat())], runsMax, random);
      const jobs = await inGroups(runs, runsAtOnce, (run) => jobsOfRun(requests, repository, run));
      const queued = jobs.flat().filter((job) => job.status === 'queued');
      return [...new Map(queued.map((job) => [job.id, job])).values()];
    },
  };
}

/** Of its latest attempt. */
export function jobsOfRun(
  requests: Requests,
  repository: RepositoryRef,
  runId: number,
): Promise<JobReport[]> {
  return allPages(`jobs of run ${runId} of ${repository.repository}`, jobPagesMax, async (page) => {
    const answer = await requests.ask({
      caller: repository.installation,
      route: 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/jobs',
      parameters: {
        ...repositoryParameters(repository.repository),
        run_id: runId,
        filter: 'latest',
        per_page: pageLength,
        page,
      },
      reads: jobsSchema,
      // The run was deleted since it was listed.
      expects: [404],
    });
    if (!answer.done) return { items: [], total: 0 };
    return {
      // One that can't be read fits no pool either, and must not hide the others.
      items: answer.data.jobs.flatMap((job) => jobOfRest(job, repository).report ?? []),
      total: answer.data.total_count,
    };
  });
}

const runsSchema = z.object({
  total_count: z.int().nonnegative(),
  workflow_runs: z.array(z.object({ id: z.int() })),
});

const jobsSchema = z.object({ total_count: z.int().nonnegative(), jobs: z.array(z.unknown()) });

/** All of them, or so many by chance: looked at again and again, every run has its turn. */
function pick(runs: number[], most: number, random: Random): number[] {
  for (let place = 0; runs.length > most && place < most; place += 1) {
    const other = place + Math.floor(random() * (runs.length - place));
    [runs[place], runs[other]] = [runs[other] ?? 0, runs[place] ?? 0];
  }
  return runs.slice(0, most);
}
