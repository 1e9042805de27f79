// A job that lost its machine is run again once, where its pool wants that.
//
// GitHub runs nothing again before the whole run is over, so the wish is kept on the job that has ended, with the time
// at which GitHub is asked next, until it is settled. "Once" is told by the attempt: only jobs of a first one are run
// again, and a run that has a second is left alone, whoever began it.

import type { Job, JobFact } from './job.ts';
import type { Runner } from './runner.ts';
import { withEntry } from './timeline.ts';

export interface RerunWish {
  since: number;
  /** When GitHub is asked next; `null`: it is settled, or its pool does not want it. */
  dueAt: number | null;
}

export type RerunFact =
  /** Its run goes on, or GitHub could not be asked. */
  { kind: 'rerunPutOff' } | { kind: 'rerunSettled'; isRerun: boolean; why: string };

/**
 * What ends a moment before its machine is taken may be its doing already: the system is told to shut down, and clocks
 * differ. What ended earlier failed by itself, or was cancelled by somebody.
 */
const takenEarlyMs = 30_000;
/** A runner that is stopped calls its job cancelled at once; much later it is somebody, who tired of the silence. */
const cancelledMsMax = 120_000;

/**
 * GitHub fails such a job, at once where the runner could still tell, else some ten minutes later; where only its
 * process was stopped it may call the job cancelled.
 */
export function lostItsMachine(job: Job, runner: Runner): boolean {
  if (job.phase !== 'completed' || runner.interruptedAt === null) return false;
  if (job.runner?.name !== runner.name) return false;
  const endedAt = job.completedAt ?? job.completedSeenAt ?? 0;
  if (endedAt < runner.interruptedAt - takenEarlyMs) return false;
  if (job.conclusion === 'cancelled') return endedAt <= runner.interruptedAt + cancelledMsMax;
  return job.conclusion === 'failure';
}

/** Notes on the job that it lost its machine; `isWanted`: and that it is to be run again. */
export function withRerunWish(job: Job, isWanted: boolean, at: number): Job {
  if (job.rerun) return job;
  const isWished = isWanted && job.runAttempt === 1;
  const why = isWished ? 'it is run again once its run is over' : undefined;
  return {
    ...job,
    rerun: { since: at, dueAt: isWished ? at : null },
    timeline: withEntry(job.timeline, { at, what: 'its machine was taken back', ...(why && { why }) }),
  };
}

/** Of a run that goes on GitHub is asked ever less often, each time when the wish is twice as old. */
const againMsMin = 30_000;
const againMsMax = 10 * 60_000;
/** By then nobody waits for its result any more, and who does runs it again. */
const patienceMs = 24 * 60 * 60_000;

export function mergeRerun(job: Job, fact: Extract<JobFact, RerunFact>, at: number): Job | null {
  if (!job.rerun || job.rerun.dueAt === null) return null;
  const { since } = job.rerun;
  const ageMs = at - since;
  if (fact.kind === 'rerunPutOff' && ageMs < patienceMs)
    return { ...job, rerun: { since, dueAt: at + Math.min(Math.max(ageMs, againMsMin), againMsMax) } };
  const settled =
    fact.kind === 'rerunSettled' ? fact : { isRerun: false, why: 'its run was not over within a day' };
  const what = settled.isRerun ? 'run again' : 'not run again';
  return {
    ...job,
    rerun: { since, dueAt: null },
    timeline: withEntry(job.timeline, { at, what, why: settled.why }),
  };
}
