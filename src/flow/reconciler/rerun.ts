// Has a job run again that lost its machine: a few calls for one interruption, none in the normal case.
//
// GitHub runs again one job, or all of a run that did not succeed, and nothing in between; only of the latest attempt,
// and only once that is over. So the run is read first:
//
//   it goes on                                            ask again later
//   it has another attempt                                somebody was faster, or an answer of ours was lost: settled
//   it was cancelled by somebody                          settled: nobody waits for it
//   some of its jobs failed by themselves                 this job alone, as what failed by itself is left alone
//   others lost their machines, or were cancelled then    all that did not succeed, as only one asking can be first
//
// Asked twice, it stays one attempt: the second asking reads the attempt of the first, or is refused while that runs.

import type { Job, JobFact } from '../../core/job.ts';
import { readable } from '../../core/reason.ts';
import { GitHubError, type JobReport, type RerunTarget, type RunReport } from '../../ports/github.ts';
import { repositoryOf } from '../publisher/touch.ts';
import type { ReconcilerDeps } from './deps.ts';
import { metrics } from './metrics.ts';
import { shareOfRequests } from './share.ts';

/** What an interruption of many machines at once may ask of GitHub in one go: the run, its jobs, the asking itself. */
const callsOfOne = 3;
const atOnce = 60;
/** What was read longer ago (the handler slept) may have been dealt with since, from beginning to end. */
const readMsMax = 20_000;

const putOff: JobFact = { kind: 'rerunPutOff' };

export function createRerun(deps: ReconcilerDeps): (job: Job) => Promise<void> {
  const { clock, table, github, telemetry } = deps;

  return async (job) => {
    const outcome = await settle(job).catch(async (error: unknown): Promise<Outcome> => {
      if (!(error instanceof GitHubError)) throw error;
      if (isLasting(error)) return settled('refused', error.message);
      await record(job, { answer: 'unanswered', fact: putOff });
      throw error;
    });
    await record(job, outcome);
    if (outcome.answer === 'refused')
      telemetry.log('warn', 'a job that lost its machine is not run again', {
        job: job.id,
        repository: job.repository,
        error: outcome.fact.kind === 'rerunSettled' ? outcome.fact.why : '',
      });
  };

  async function settle(job: Job): Promise<Outcome> {
    const readAt = clock.now();
    if (!(await isGranted(job.installation))) return { answer: 'put off', fact: putOff };
    const repository = repositoryOf(job);
    const run = await github.readRun(repository, job.runId);
    if (run === null) return settled('refused', 'GitHub does not know its run any more');
    // It is the next one that was asked for, whoever did.
    if (run.attempt > job.runAttempt) return settled('rerun', `attempt ${run.attempt} of its run`, true);
    if (!run.isOver) return { answer: 'runs on', fact: putOff };
    const target = await targetOf(job, run);
    if (target === null) return settled('cancelled', 'its run was cancelled');
    if (clock.now() - readAt > readMsMax) return { answer: 'put off', fact: putOff };
    const rerun = await github.rerun(repository, target);
    switch (rerun.outcome) {
      case 'accepted':
        return settled('rerun', `attempt ${run.attempt + 1} of its run`, true);
      case 'running':
        return { answer: 'runs on', fact: putOff };
      case 'refused':
        return settled('refused', `GitHub: ${rerun.reason}`);
      default:
        return rerun satisfies never;
    }
  }

  /** `null`: somebody cancelled the run. */
  async function targetOf(job: Job, run: RunReport): Promise<RerunTarget | null> {
    const others = run.jobs.filter(({ id, conclusion }) => id !== job.id && isLost(conclusion));
    if (others.length === 0) return { what: 'job', jobId: job.id };
    const byThemselves = await Promise.all(others.map(async (other) => !(await lostItsMachine(other))));
    const failed = others.filter((_, index) => byThemselves[index]);
    if (failed.some(({ conclusion }) => conclusion !== 'cancelled')) return { what: 'job', jobId: job.id };
    // A matrix cancels its other jobs where one fails: only then is the run a failed one.
    if (failed.length > 0 && run.conclusion === 'cancelled') return null;
    return { what: 'failedJobs', runId: job.runId };
  }

  async function lostItsMachine({ runner }: JobReport): Promise<boolean> {
    const own = runner && deps.sighting.own(runner.name);
    return own ? (await table.readRunner(own.name))?.interruptedAt != null : false;
  }

  async function isGranted(installation: number): Promise<boolean> {
    const key = { kind: 'github-ask', account: String(installation) } as const;
    const terms = shareOfRequests(deps, installation, atOnce);
    const { granted } = await deps.budgets.reserve(key, terms, callsOfOne, clock.now());
    return granted === callsOfOne;
  }

  async function record(job: Job, { answer, fact }: Outcome): Promise<void> {
    telemetry.count(metrics.reruns, { answer });
    await table.recordJob(job.key, [fact], clock.now());
  }
}

interface Outcome {
  answer: 'rerun' | 'runs on' | 'cancelled' | 'refused' | 'put off' | 'unanswered';
  fact: JobFact;
}

function settled(answer: Outcome['answer'], why: string, isRerun = false): Outcome {
  return { answer, fact: { kind: 'rerunSettled', isRerun, why: readable(why) } };
}

function isLost(conclusion: string | null): boolean {
  return conclusion !== 'success' && conclusion !== 'skipped' && conclusion !== 'neutral';
}

/** A missing permission, a suspended installation: a person has to act, and can run the job again then. */
function isLasting(error: GitHubError): boolean {
  return error.kind !== 'limited' && error.kind !== 'unavailable';
}
