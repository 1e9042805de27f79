// A job's whole story from what is kept of it: its own timeline, that of its runners, and what was in its way; and where
// the time went until it started.

import { parseJobKey, parseRunnerName } from './ids.ts';
import type { Job } from './job.ts';
import { type Phase, phasesOfRunner } from './phases.ts';
import type { Runner } from './runner.ts';
import { lostItsRunner, runnerOrdered, type TimelineEntry, waited } from './timeline.ts';

export interface StoryEntry {
  at: number;
  /** `job`, or the runner's name. */
  of: string;
  what: string;
  why: string | null;
  /** Of what lasted: how long, from `at` on. */
  forMs: number | null;
}

export interface Spent {
  what: string;
  forMs: number;
}

/**
 * `runners`: those that were ordered for it, and the one that it runs on. `waits`: what is in its way while it waits; of a
 * job that has started, its timeline has it. The job's own entries come first, where several are of one moment.
 */
export function storyOf(job: Job, runners: readonly Runner[], waits: readonly TimelineEntry[]): StoryEntry[] {
  const entry =
    (of: string) =>
    ({ at, what, why, forMs }: TimelineEntry): StoryEntry => ({
      at,
      of,
      what,
      why: why ?? null,
      forMs: forMs ?? null,
    });
  return [
    ...[...job.timeline, ...waits, ...takenByAnother(job, runners)].map(entry('job')),
    ...runners.flatMap(({ name, timeline }) => timeline.map(entry(name))),
  ].sort((a, b) => a.at - b.at);
}

function takenByAnother(job: Job, runners: readonly Runner[]): TimelineEntry[] {
  const { lastOrder, startedSeenAt, completedSeenAt } = job;
  const name = job.runner?.name ?? null;
  const at = startedSeenAt ?? completedSeenAt;
  if (name === null || at === null || name === lastOrder?.runner) return [];
  const what = 'taken by another runner';
  if (parseRunnerName(name) === null) return [{ at, what, why: `${name} is not of this system` }];
  const taker = runners.find((runner) => runner.name === name);
  const ordered = runners.find((runner) => runner.name === lastOrder?.runner);
  const ofTaker = taker?.forJob ? `, which was ordered for job ${idOf(taker.forJob)}` : '';
  const tookJob = ordered?.job ?? null;
  const ofOrdered = tookJob === null ? '' : `; its own took job ${idOf(tookJob)}`;
  return [{ at, what, why: `${name}${ofTaker}${ofOrdered}` }];
}

function idOf(key: NonNullable<Runner['job']>): number | string {
  return parseJobKey(key)?.id ?? key;
}

const phaseWords: Readonly<Record<Exclude<Phase['name'], 'queue' | 'run' | 'end'>, string>> = {
  'event delivery': 'delivery of its event',
  launch: 'launch of its machine',
  boot: 'boot of its machine',
  register: 'registration of its runner at GitHub',
  'pick-up': 'GitHub giving it to the runner',
};

interface Stretch {
  what: string;
  startMs: number;
  endMs: number;
}

/** Parts shorter than this are left out: GitHub's own times are whole seconds. */
const shortMs = 1_000;

/**
 * From when GitHub made it until it started, or until now: each moment belongs to one part, to what kept it from having a
 * runner before all else, so that the parts are together never more than the whole. In the order of time.
 */
export function spentOf(
  job: Job,
  runners: readonly Runner[],
  waits: readonly TimelineEntry[],
  now: number,
): Spent[] {
  const ended = job.phase === 'completed' ? (job.completedAt ?? job.completedSeenAt) : null;
  const whole = { startMs: job.createdAt, endMs: job.startedAt ?? job.startedSeenAt ?? ended ?? now };
  const storedAt = job.queuedSeenAt ?? job.firstSeenAt;
  const runner = runners.find(({ name }) => name === (job.runner?.name ?? job.lastOrder?.runner));
  const parts = partsOf(whole, [
    ...[...job.timeline, ...waits].filter(({ what }) => what === waited).map(stretchOf),
    ...heldStretches(job, whole.endMs),
    ...(runner ? runnerStretches(runner, job, now) : []),
    ...lostStretches(job, whole.endMs),
    { what: phaseWords['event delivery'], startMs: job.createdAt, endMs: storedAt },
    { what: 'waits in between: for a plan, a queue, an answer of GitHub', ...whole },
  ]);
  const spent = new Map<string, number>();
  for (const { what, startMs, endMs } of parts) spent.set(what, (spent.get(what) ?? 0) + endMs - startMs);
  return [...spent].map(([what, forMs]) => ({ what, forMs })).filter(({ forMs }) => forMs >= shortMs);
}

function stretchOf({ at, why = '', forMs = 0 }: TimelineEntry): Stretch {
  return { what: why, startMs: at, endMs: at + forMs };
}

/** From the entry that says so to the next one of the job. */
function heldStretches({ timeline }: Job, untilMs: number): Stretch[] {
  const what = 'held back by GitHub';
  return timeline.flatMap((entry, at) =>
    entry.what === 'held' ? { what, startMs: entry.at, endMs: timeline[at + 1]?.at ?? untilMs } : [],
  );
}

/** A runner was coming for it, and went to another job or came to nothing. */
function lostStretches({ timeline }: Job, untilMs: number): Stretch[] {
  const turns = timeline.filter(({ what }) => what === runnerOrdered || what === lostItsRunner);
  return turns.flatMap((entry, at) =>
    entry.what === runnerOrdered && turns[at + 1]?.what === lostItsRunner
      ? { what: 'a runner that did not take it', startMs: entry.at, endMs: turns[at + 1]?.at ?? untilMs }
      : [],
  );
}

function runnerStretches(runner: Runner, job: Job, now: number): Stretch[] {
  const over = phasesOfRunner(runner, job).filter(({ name }) => name !== 'end');
  const open = phaseUnderWay(runner);
  const last = over.at(-1)?.endMs ?? runner.orderedAt;
  return [
    ...over.map(({ name, startMs, endMs }) => ({
      what: phaseWords[name as keyof typeof phaseWords],
      startMs,
      endMs,
    })),
    ...(open === null ? [] : [{ what: phaseWords[open], startMs: last, endMs: now }]),
  ];
}

function phaseUnderWay({ state }: Runner): keyof typeof phaseWords | null {
  switch (state) {
    case 'ordered':
    case 'launching':
      return 'launch';
    case 'launched':
    case 'standby':
      return 'boot';
    case 'claimed':
      return 'register';
    case 'online':
    case 'assigned':
      return 'pick-up';
    case 'busy':
    case 'ending':
    case 'gone':
      return null;
    default:
      return state satisfies never;
  }
}

/** Each moment of the whole goes to the first stretch that covers it; what none covers is left out. */
function partsOf(whole: { startMs: number; endMs: number }, stretches: readonly Stretch[]): Stretch[] {
  const within = (ms: number) => Math.min(Math.max(ms, whole.startMs), whole.endMs);
  const cut = stretches.map((one) => ({ ...one, startMs: within(one.startMs), endMs: within(one.endMs) }));
  const moments = [...new Set(cut.flatMap(({ startMs, endMs }) => [startMs, endMs]))].sort((a, b) => a - b);
  return moments.flatMap((startMs, at) => {
    const endMs = moments[at + 1] ?? startMs;
    const first = cut.find((one) => one.startMs <= startMs && one.endMs >= endMs && endMs > startMs);
    return first ? [{ what: first.what, startMs, endMs }] : [];
  });
}
