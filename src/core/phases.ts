// Where the time of a job and of its runner went, in parts that each begin where the one before ends. The same parts are
// the spans of its trace and the distributions of the metrics, so that one never tells otherwise than the other.
//
//   event delivery   GitHub made the job … its event was stored here
//   queue            stored … the plan ordered a runner for it
//   run              GitHub started it … it ended
//
//   launch           a runner was ordered … its host has launched it
//   boot             launched … it claims its configuration
//   register         claimed … it is online at GitHub
//   pick-up          online … GitHub gave it a job
//   end              its job was done … its machine is gone
//
// GitHub's times are whole seconds, and its clock is not ours: a part never ends before it begins.

import type { Job } from './job.ts';
import type { EndingCode } from './reason.ts';
import type { Runner } from './runner.ts';

type JobPhaseName = 'event delivery' | 'queue' | 'run';
type RunnerPhaseName = 'launch' | 'boot' | 'register' | 'pick-up' | 'end';

export interface Phase<Name extends string = JobPhaseName | RunnerPhaseName> {
  name: Name;
  startMs: number;
  endMs: number;
}

/** Of a job that has ended; parts that it did not have are left out. */
export function phasesOfJob(job: Job): Phase<JobPhaseName>[] {
  const storedAt = job.queuedSeenAt ?? job.firstSeenAt;
  return present([
    phase('event delivery', job.createdAt, storedAt),
    // Where no runner was ordered for it, it waited until it had another's.
    phase('queue', storedAt, job.lastOrder?.at ?? job.startedAt),
    phase('run', job.startedAt, endOfJob(job)),
  ]);
}

export function endOfJob(job: Job): number {
  return job.completedAt ?? job.completedSeenAt ?? job.createdAt;
}

/** Of a runner whose machine is gone. `took`: the job that it ran, where it is known. */
export function phasesOfRunner(runner: Runner, took: Job | null): Phase<RunnerPhaseName>[] {
  const claimedAt = runner.claim?.at ?? null;
  const busyAt = runner.busyAt ?? startOf(took, runner);
  const onlineAt = runner.onlineAt ?? busyAt;
  return present([
    phase('launch', runner.orderedAt, runner.launchedAt),
    phase('boot', runner.launchedAt, claimedAt ?? onlineAt),
    phase('register', claimedAt, onlineAt),
    phase('pick-up', runner.onlineAt, busyAt),
    phase('end', runner.doneAt, runner.goneAt),
  ]);
}

/** Why a runner that was to run a job did not, where that was no decision of ours; else `null`. */
export function faultOf({ busyAt, doneAt, end }: Runner): EndingCode | null {
  // A job that is over when its start is heard of leaves a runner that is done and was never seen busy.
  const hasRun = busyAt !== null || doneAt !== null;
  return hasRun || end === null || !isFault(end.code) ? null : end.code;
}

function isFault(code: EndingCode): boolean {
  switch (code) {
    case 'bootDeadline':
    case 'refused':
    case 'invalid':
    case 'mintRefused':
    case 'uncertain':
    case 'expired':
    case 'lost':
    case 'unregistered':
    case 'ended':
    case 'interrupted':
      return true;
    case 'surplus':
    case 'giveWay':
    case 'jobDone':
    case 'jobTime':
    case 'poolGone':
    case 'activated':
    case 'outdated':
    case 'throttled':
      return false;
    default:
      return code satisfies never;
  }
}

/** As GitHub tells it of the job. */
function startOf(took: Job | null, { name }: Runner): number | null {
  return took?.runner?.name === name ? took.startedAt : null;
}

function phase<Name extends string>(
  name: Name,
  startMs: number | null,
  endMs: number | null,
): Phase<Name> | null {
  if (startMs === null || endMs === null) return null;
  return { name, startMs, endMs: Math.max(startMs, endMs) };
}

function present<Name extends string>(phases: readonly (Phase<Name> | null)[]): Phase<Name>[] {
  return phases.filter((one) => one !== null);
}
