// Workflow runs: how one stands, and to have it run again.

import { z } from 'zod';
import { type GitHub, GitHubError, type RepositoryRef, type RerunTarget } from '../../../ports/github.ts';
import { jobsOfRun } from './jobs.ts';
import type { Requests } from './requests.ts';
import { repositoryParameters } from './scope-route.ts';

type Runs = Pick<GitHub, 'readRun' | 'rerun'>;

export function createRuns(requests: Requests): Runs {
  return {
    async readRun(repository, runId) {
      const answer = await requests.ask({
        caller: repository.installation,
        route: 'GET /repos/{owner}/{repo}/actions/runs/{run_id}',
        parameters: { ...repositoryParameters(repository.repository), run_id: runId },
        reads: runSchema,
        expects: [404],
      });
      if (!answer.done) return null;
      const { run_attempt: attempt, status, conclusion } = answer.data;
      const isOver = status === 'completed';
      const jobs = isOver ? await jobsOfRun(requests, repository, runId) : [];
      return { attempt, isOver, conclusion, jobs };
    },

    async rerun(repository, target) {
      const answer = await requests.ask({
        caller: repository.installation,
        ...requestOf(repository, target),
        reads: z.unknown(),
        expects: [403, 404, 422],
      });
      if (answer.done) return { outcome: 'accepted' };
      const { status, message } = answer;
      if (isRunning.test(message)) return { outcome: 'running' };
      if (isForbidden.test(message)) throw forbidden(repository, message);
      return { outcome: 'refused', reason: `${status} ${message}` };
    },
  };
}

/** GitHub answers 403 for all that it does not run again, and says in words why: that a run goes on passes by itself. */
const isRunning = /already running/i;
const isForbidden = /not accessible by integration/i;

const runSchema = z.object({
  run_attempt: z.int().positive().default(1),
  status: z.string().nullable(),
  conclusion: z.string().nullable(),
});

function requestOf({ repository }: RepositoryRef, target: RerunTarget) {
  const of = repositoryParameters(repository);
  switch (target.what) {
    case 'job':
      return {
        route: 'POST /repos/{owner}/{repo}/actions/jobs/{job_id}/rerun',
        parameters: { ...of, job_id: target.jobId },
      };
    case 'failedJobs':
      return {
        route: 'POST /repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs',
        parameters: { ...of, run_id: target.runId },
      };
    default:
      return target satisfies never;
  }
}

function forbidden({ repository, installation }: RepositoryRef, message: string): GitHubError {
  return new GitHubError(
    'forbidden',
    `To run a job of ${repository} again by installation ${installation} was refused: 403 “${message}”. It needs ` +
      "“Actions: read and write”: grant it in the App's settings, then accept the change in the installation.",
  );
}
