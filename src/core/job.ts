// A job: one attempt of a GitHub workflow job.
//
//   (gated →) queued → in_progress → completed
//
// Phases only move forward, whatever order the events come in. `gated` is GitHub's status `waiting` (an approval):
// stored, counted nowhere. Facts are merged here by `mergeJob`, by whoever learns them. What the Publisher counts
// (`counted`, and what it notes beside) is written by the Publisher alone, in its transaction.

import { lasting } from './duration.ts';
import type { HostName, JobKey, LaneKey, RunnerName } from './ids.ts';
import type { RefusalCode } from './reason.ts';
import { mergeRerun, type RerunFact, type RerunWish } from './rerun.ts';
import type { Scope } from './scope.ts';
import { type TimelineEntry, withEntry } from './timeline.ts';
import { isSampled } from './trace.ts';

export type JobPhase = 'gated' | 'queued' | 'in_progress' | 'completed';

const phaseRank: Record<JobPhase, number> = { gated: 0, queued: 1, in_progress: 2, completed: 3 };

/**
 * How a job is counted in its lane's ledger.
 * - `fresh`: waits, and a runner may be ordered for it without asking.
 * - `ordered`: waits, and the runner that was ordered for it is coming.
 * - `orphaned`: waits, but its runner no longer comes: GitHub is asked before a second order.
 * - `held`: GitHub says queued, but gives it to no runner: nothing is ordered for it for a while.
 */
export type JobClass = 'fresh' | 'ordered' | 'orphaned' | 'held';

/** Where a job is counted: the class, in this lane of this host's ledger. */
export interface JobCount {
  class: JobClass;
  lane: LaneKey;
  host: HostName;
}

/** What nobody has counted yet: at which host, since when, and which change it was. */
export interface Dirty {
  host: HostName;
  since: number;
  /** Moves with each change that has to be counted, so that a stream can tell it from other writes. */
  change: number;
}

/** Where a job belongs, decided by routing: a lane of a host, or nowhere with the reason. */
export type JobRoute =
  | { kind: 'lane'; lane: LaneKey; host: HostName; scope: Scope; group: string }
  | { kind: 'refused'; code: RefusalCode; text: string };

/** Why GitHub was asked about a waiting job: what follows from "still queued" depends on it. */
export type AskPurpose = 'secondOrder' | 'idleRunner' | 'overtaken' | 'orphan' | 'lookup';

/** A step of a job as GitHub tells it when the job has ended. */
export interface JobStep {
  name: string;
  conclusion: string | null;
  startedAt: number | null;
  completedAt: number | null;
}

interface JobRunner {
  id: number | null;
  name: string;
}

export interface Job {
  key: JobKey;
  /** Counts every write of the item, by anyone. */
  version: number;

  // Facts.
  id: number;
  runId: number;
  runAttempt: number;
  name: string;
  workflow: string | null;
  repository: string;
  isPublic: boolean;
  ownedByOrganisation: boolean;
  installation: number;
  labels: readonly string[];
  url: string;
  phase: JobPhase;
  conclusion: string | null;
  runner: JobRunner | null;
  /** GitHub's times. */
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  /** Ours: when the phase became known here. */
  firstSeenAt: number;
  queuedSeenAt: number | null;
  startedSeenAt: number | null;
  completedSeenAt: number | null;
  route: JobRoute;
  traceparent: string;
  /** Once it has ended, and only where its trace is kept. */
  steps: readonly JobStep[];
  /** GitHub's last answer "still queued": when, and what we asked for. */
  confirmed: { at: number; purpose: AskPurpose } | null;
  askedAt: number | null;
  /** It lost its machine to its platform, and may be run again. */
  rerun: RerunWish | null;

  // The Publisher's.
  counted: JobCount | null;
  orders: number;
  lastOrder: { runner: RunnerName; at: number } | null;
  held: { until: number; times: number; cause: string } | null;
  /** Somebody has to ask GitHub about this job from this time on. */
  ask: { dueAt: number; purpose: AskPurpose } | null;

  dirty: Dirty | null;
  timeline: readonly TimelineEntry[];
}

/** What GitHub tells of a job, by webhook or by an answer, with the route that it has by our configuration. */
export interface JobSighting {
  key: JobKey;
  id: number;
  runId: number;
  runAttempt: number;
  name: string;
  workflow: string | null;
  repository: string;
  isPublic: boolean;
  ownedByOrganisation: boolean;
  installation: number;
  labels: readonly string[];
  url: string;
  phase: JobPhase;
  conclusion: string | null;
  runner: JobRunner | null;
  createdAt: number;
  startedAt: number | null;
  completedAt: number | null;
  route: JobRoute;
  /** The host whose runner it names, if that is one of ours. */
  runnerHost: HostName | null;
  traceparent: string;
  steps: readonly JobStep[];
}

type SightedBy = 'webhook' | 'lookup' | 'answer';

/** What can be learned about a job. */
export type JobFact =
  | { kind: 'seen'; sighting: JobSighting; by: SightedBy }
  /** An answer to an ask: GitHub still holds it queued. */
  | { kind: 'stillQueued'; purpose: AskPurpose }
  /** GitHub does not know it (404). */
  | { kind: 'vanished' }
  /** An ask was made and told nothing new; do not ask again at once. */
  | { kind: 'asked' }
  /** An ask was made and not answered: by a fault that passes, or by a refusal that lasts. */
  | { kind: 'unanswered'; lasting: boolean }
  /** A held job's back-off is over, or something of its run moved. */
  | { kind: 'holdEnded' }
  /** The configuration changed, and this is where it belongs now. */
  | { kind: 'rerouted'; route: JobRoute }
  | RerunFact;

/**
 * The job after the fact, or `null` where the fact is nothing new: a duplicate, or older than what is known.
 * `at` is our time of learning it.
 */
export function mergeJob(job: Job | null, fact: JobFact, at: number): Job | null {
  switch (fact.kind) {
    case 'seen':
      return job === null
        ? firstSighting(fact.sighting, at, fact.by)
        : laterSighting(job, fact.sighting, at, fact.by);
    case 'stillQueued':
      if (job === null || job.phase !== 'queued') return null;
      return dirtied(
        {
          ...job,
          confirmed: { at, purpose: fact.purpose },
          askedAt: at,
          ask: null,
          timeline: withEntry(job.timeline, { at, what: 'still queued at GitHub', why: fact.purpose }),
        },
        null,
        at,
      );
    case 'vanished':
      if (job === null || job.phase === 'completed') return null;
      return dirtied(
        {
          ...job,
          phase: 'completed',
          completedSeenAt: at,
          ask: null,
          timeline: withEntry(job.timeline, { at, what: 'GitHub does not know it any more' }),
        },
        null,
        at,
      );
    case 'asked':
      return job === null
        ? null
        : { ...job, askedAt: at, ask: nextAsk(job, at, job.phase === 'in_progress') };
    case 'unanswered':
      return job === null ? null : { ...job, askedAt: at, ask: nextAsk(job, at, fact.lasting) };
    case 'holdEnded':
      return job === null || job.counted?.class !== 'held' ? null : dirtied({ ...job }, null, at);
    case 'rerouted':
      if (job === null || job.phase === 'completed' || sameRoute(job.route, fact.route)) return null;
      return dirtied(
        {
          ...job,
          route: fact.route,
          timeline: withEntry(job.timeline, { at, what: 'routed again', why: describeRoute(fact.route) }),
        },
        null,
        at,
      );
    case 'rerunPutOff':
    case 'rerunSettled':
      return job && mergeRerun(job, fact, at);
    default:
      return fact satisfies never;
  }
}

/** GitHub delivers within seconds: what comes later than this was sent again, or was not sent at all. */
const promptMs = 60_000;

function howFound({ createdAt, phase }: JobSighting, at: number, by: SightedBy): string {
  const age = lasting(at - createdAt);
  if (by !== 'webhook') return `; found by asking GitHub, ${age} after it was made: no event had come`;
  return phase === 'queued' && at - createdAt > promptMs ? `; its event came ${age} after it was made` : '';
}

function firstSighting(sighting: JobSighting, at: number, by: SightedBy): Job {
  const { runnerHost, ...facts } = sighting;
  const job: Job = {
    ...facts,
    steps: stepsToKeep(sighting, sighting.traceparent),
    version: 0,
    firstSeenAt: at,
    queuedSeenAt: sighting.phase === 'queued' ? at : null,
    startedSeenAt: sighting.phase === 'in_progress' ? at : null,
    completedSeenAt: sighting.phase === 'completed' ? at : null,
    confirmed: null,
    askedAt: null,
    rerun: null,
    counted: null,
    orders: 0,
    lastOrder: null,
    held: null,
    ask: null,
    dirty: null,
    timeline: [
      {
        at,
        what: sighting.phase,
        why: `${describeRoute(sighting.route)}${howFound(sighting, at, by)}`,
      },
    ],
  };
  return sighting.phase === 'gated' ? job : dirtied(job, runnerHost, at);
}

function laterSighting(job: Job, sighting: JobSighting, at: number, by: string): Job | null {
  const ahead = phaseRank[sighting.phase] > phaseRank[job.phase];
  // `completed` may name the runner that a lost `in_progress` would have named; and `in_progress` may come late.
  const runner = job.runner ?? sighting.runner;
  const learnsRunner = job.runner === null && runner !== null;
  // The App was deleted and installed again: the old installation answers nothing any more. Its ids only grow.
  const isReinstalled = sighting.installation > job.installation && job.phase !== 'completed';
  if (!ahead && !learnsRunner && !isReinstalled) return null;
  const phase = ahead ? sighting.phase : job.phase;
  return dirtied(
    {
      ...job,
      phase,
      // While it was gated nobody looked whether it belongs elsewhere by now.
      route: job.phase === 'gated' || isReinstalled ? sighting.route : job.route,
      installation: isReinstalled ? sighting.installation : job.installation,
      ask: ahead ? null : job.ask && isReinstalled ? { ...job.ask, dueAt: at } : job.ask,
      askedAt: isReinstalled ? null : job.askedAt,
      conclusion: job.conclusion ?? sighting.conclusion,
      runner,
      startedAt:
        phaseRank[phase] >= phaseRank.in_progress ? (sighting.startedAt ?? job.startedAt) : job.startedAt,
      completedAt: sighting.completedAt ?? job.completedAt,
      steps: job.steps.length > 0 ? job.steps : stepsToKeep(sighting, job.traceparent),
      queuedSeenAt: job.queuedSeenAt ?? (phase === 'queued' ? at : null),
      startedSeenAt: job.startedSeenAt ?? (phase === 'in_progress' ? at : null),
      completedSeenAt: job.completedSeenAt ?? (phase === 'completed' ? at : null),
      timeline: withEntry(job.timeline, {
        at,
        what: phase === 'completed' && sighting.conclusion ? `completed: ${sighting.conclusion}` : phase,
        ...(runner
          ? { why: `on ${runner.name}${by === 'webhook' ? '' : ` (by ${by})`}` }
          : by === 'webhook'
            ? {}
            : { why: `by ${by}` }),
      }),
    },
    sighting.runnerHost,
    at,
  );
}

function stepsToKeep({ phase, steps }: JobSighting, traceparent: string): readonly JobStep[] {
  return phase === 'completed' && isSampled(traceparent) ? steps : [];
}

/** A job that runs on and on is asked about ever less often: each time when it is twice as old as at the last. */
const askAgainMsMax = 2 * 60 * 60_000;

/** At first, and as long as only a fault that passes is in the way. */
const askRetryMs = 60_000;

function nextAsk(job: Job, at: number, rarely: boolean): Job['ask'] {
  if (job.ask === null) return null;
  if (!rarely) return { ...job.ask, dueAt: at + askRetryMs };
  const since = job.phase === 'queued' ? (job.queuedSeenAt ?? at) : (job.startedSeenAt ?? at);
  const ageMs = Math.max(askRetryMs, at - since);
  return { ...job.ask, dueAt: at + Math.min(ageMs, askAgainMsMax) };
}

/**
 * Marks the job as not counted yet, at the host that has to hear of it first: where it is counted, else where it
 * belongs, else the host of the runner that took it. From there it is handed on (`nextHost`).
 */
function dirtied(job: Job, runnerHost: HostName | null, at: number): Job {
  const home = job.counted?.host ?? (job.route.kind === 'lane' ? job.route.host : null);
  const host = job.dirty?.host ?? home ?? runnerHost;
  if (host === null) return job;
  return {
    ...job,
    dirty: { host, since: job.dirty?.since ?? at, change: (job.dirty?.change ?? job.version) + 1 },
  };
}

export function sameRoute(a: JobRoute, b: JobRoute): boolean {
  if (a.kind === 'lane') return b.kind === 'lane' && a.lane === b.lane && a.host === b.host;
  return b.kind === 'refused' && a.code === b.code && a.text === b.text;
}

function describeRoute(route: JobRoute): string {
  return route.kind === 'lane' ? `lane ${route.lane} on ${route.host}` : route.text;
}
