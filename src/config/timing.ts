// Every time that the system waits: the key that a person writes, its default, its bounds, and why. The schema, the
// reference page and the configuration of the core are made from this one table, so a new time is one entry here.
//
// Figures without a source were measured by simulating 165,000 jobs with all faults at once.

import type { Timing } from '../core/configuration.ts';

/** A key that ends with its unit; a bound says so behind it. */
type WithUnit = `${string}${'Seconds' | 'Minutes' | 'Days'}${'' | 'Max'}`;

export interface TimingEntry {
  /** As written, with its unit at the end. */
  key: WithUnit;
  default: number;
  /** Where the default depends on something else, unless it is written. */
  defaultSays?: string;
  min: number;
  max: number;
  /** What it is. */
  says: string;
  /** Why this default, and what another would do. */
  why: string;
  /** Why nothing beyond the bounds is allowed, where that is more than sense. */
  bounds?: string;
}

/** Shorter waits are loops that only burn the processor. Tests go down to this. */
const secondsMin = 0.01;

const repairSecondsMax = 60;
const repairBounds = 'faults are to be repaired within two minutes, which is two rounds of this';

const hourSeconds = 3600;
const daySeconds = 24 * hourSeconds;

/** A launcher gives its host until two seconds before the lease ends; a call takes a second at the least. */
const leaseSecondsMin = 3;

/** The longest that a request to GitHub may take before it is given up. */
export const gitHubRequestSecondsMax = 10;

export const timings = {
  idleMs: {
    key: 'idleSeconds',
    default: 100,
    min: 0,
    max: hourSeconds,
    says: 'A runner without work is released after this. A pool may say otherwise.',
    why: 'Below the 120 s after which GitHub itself begins to drop idle runners. 60 s saves 4 idle seconds a job and costs 1 to 4 % more launches; 0 costs 4 to 5 %. Take 60 for dear machines.',
  },
  bootMs: {
    key: 'bootSeconds',
    default: 180,
    defaultSays: "by the host's type and the system",
    min: secondsMin,
    max: 2 * hourSeconds,
    says: 'A launched runner that is not online by then is given up. A pool may say otherwise.',
    why: 'Three times the slowest boot in a hundred. Too short ends machines that would have worked; the place is held meanwhile, so too long makes jobs wait behind a dead machine.',
  },
  leaseMs: {
    key: 'leaseSeconds',
    default: 30,
    min: leaseSecondsMin,
    max: 5 * 60,
    says: 'The right of one handler to launch a runner; when it ends unanswered, another looks into it.',
    bounds:
      'a host has to answer two seconds before the lease ends, so that no call outlives it; a shorter one leaves no time for the call',
    why: 'Has room for a request to GitHub (10 s) and a launch call. 60 heals crashes half again as slowly (99th percentile 315 s instead of 220); 15 makes a handler that only stalls lose its launch.',
  },
  orderMs: {
    key: 'orderSeconds',
    default: 600,
    min: secondsMin,
    max: hourSeconds,
    says: 'An order that nobody began to launch is void after this.',
    why: 'Time for all retries of a queue that is stuck; the jobs may be gone by then, so what still waits is ordered anew.',
  },
  outboxMs: {
    key: 'outboxSeconds',
    default: 20,
    min: secondsMin,
    max: repairSecondsMax,
    says: 'An order, or the ending of a runner, that nobody took up is published again after this.',
    bounds: repairBounds,
    why: 'A message that is only late is rarely later than this, and a repeated one does no harm.',
  },
  uncountedMs: {
    key: 'uncountedSeconds',
    default: 20,
    min: secondsMin,
    max: repairSecondsMax,
    says: 'A change of a job or runner that nobody counted is notified again after this.',
    bounds: repairBounds,
    why: 'As for orders: a notification that is only late comes before, and a repeated one does no harm.',
  },
  tickMs: {
    key: 'tickSeconds',
    default: 30,
    min: secondsMin,
    max: repairSecondsMax,
    says: 'How often the Reconciler looks for deadlines that have passed.',
    bounds: repairBounds,
    why: 'Two ticks and a retry stay within the two minutes in which every fault is to be repaired.',
  },
  claimMs: {
    key: 'claimSeconds',
    default: 60,
    min: gitHubRequestSecondsMax + 5,
    max: 10 * 60,
    says: 'A machine whose answer was lost may claim its registration again for this long.',
    why: 'Time for two or three lost answers, while a machine that has to go is held up for no longer than this.',
    bounds:
      'a runner that has to go is removed at GitHub after this time; sooner than a request to GitHub can take (10 s), a registration that is still under way would appear behind the removal, get a job, and lose its machine in the middle of it',
  },
  assignedMs: {
    key: 'assignedSeconds',
    default: 180,
    min: secondsMin,
    max: hourSeconds,
    says: 'A runner that GitHub calls busy, though no job was heard of, counts for a waiting job for this long; then GitHub is asked.',
    why: 'GitHub gives a job back after 60 s if its runner does not take it up, and the event of its start may take a minute or two.',
  },
  idleBesideJobMs: {
    key: 'idleBesideJobSeconds',
    default: 90,
    min: secondsMin,
    max: hourSeconds,
    says: 'A runner has been idle beside a waiting job for this long: GitHub is asked about the job.',
    why: 'GitHub assigns within seconds, so the job is over, or GitHub holds it back. Below the 120 s after which GitHub drops the runner.',
  },
  askAgainMs: {
    key: 'askAgainSeconds',
    default: 20,
    min: secondsMin,
    max: hourSeconds,
    says: 'GitHub is not asked about the same job again within this.',
    why: 'Its answers lag behind its events by seconds, so asking sooner tells nothing new.',
  },
  orphanJobMs: {
    key: 'orphanJobSeconds',
    default: 120,
    min: secondsMin,
    max: hourSeconds,
    says: 'A job in progress whose runner has ended is asked about after this.',
    why: 'The event of its end mostly comes by itself, if late.',
  },
  foreignJobMs: {
    key: 'foreignJobSeconds',
    default: 600,
    min: secondsMin,
    max: daySeconds,
    says: "A job in progress on a runner of somebody else's is asked about this often at first, then ever less often.",
    why: 'It holds no place here, so only its record waits for the answer.',
  },
  holdMs: {
    key: 'holdSeconds',
    default: 60,
    min: secondsMin,
    max: hourSeconds,
    says: 'A job that GitHub calls queued but gives to no runner is not ordered for during this time, doubled each time.',
    why: 'Halves the launches for nothing; an event of the same run ends it at once.',
  },
  holdMsMax: {
    key: 'holdSecondsMax',
    default: 300,
    min: secondsMin,
    max: hourSeconds,
    says: 'The longest such time.',
    why: 'The job starts late by at most this, when GitHub offers it at last.',
  },
  overtakenMs: {
    key: 'overtakenSeconds',
    default: 180,
    min: secondsMin,
    max: hourSeconds,
    says: 'A job that younger jobs of its lane have overtaken for this long is asked about.',
    why: 'GitHub mostly gives out the oldest job first, so it is probably over or held back.',
  },
  breakerMs: {
    key: 'breakerSeconds',
    default: 30,
    min: secondsMin,
    max: hourSeconds,
    says: 'A pool whose runners failed three times in a row orders none for this time, doubled each time; then a single one, to try.',
    why: 'Saves nearly all orders of an outage, and tries soon enough after a short one.',
  },
  breakerMsMax: {
    key: 'breakerSecondsMax',
    default: 300,
    min: secondsMin,
    max: hourSeconds,
    says: 'The longest such time.',
    why: '15 minutes added 7 to 17 to the longest wait after an outage.',
  },
  missingMs: {
    key: 'missingSeconds',
    default: 30,
    min: secondsMin,
    max: 10 * 60,
    says: "A registered runner that is missing in GitHub's list counts as lost only in lists asked this long after it claimed its registration.",
    why: "GitHub's list lags a little behind what it has just registered.",
  },
  runnerListMs: {
    key: 'runnerListSeconds',
    default: 60,
    min: secondsMin,
    max: hourSeconds,
    says: "How often GitHub's list of runners is read where some are registered.",
    why: 'A request a minute for each hundred runners. Every 2 minutes: the longest gap after a lost event grows from 115 to 185 s; every 5: to 260 s.',
  },
  runnerListIdleMs: {
    key: 'runnerListIdleSeconds',
    default: 600,
    min: secondsMin,
    max: daySeconds,
    says: "How often GitHub's list of runners is read where none should be.",
    why: 'Finds entries that were left behind, which harm nobody meanwhile.',
  },
  hostListMs: {
    key: 'hostListSeconds',
    default: 60,
    min: secondsMin,
    max: hourSeconds,
    says: "How often a host's list of machines is read.",
    why: 'The only way to hear of a machine whose last event was lost; it holds its place until then.',
  },
  deliveriesMs: {
    key: 'deliveriesSeconds',
    default: 60,
    min: secondsMin,
    max: hourSeconds,
    says: 'How often failed webhook deliveries are looked for, to have them sent again.',
    why: 'GitHub repeats none by itself. One request a minute for the whole App.',
  },
  queuedJobsMs: {
    key: 'queuedJobsSeconds',
    default: 60,
    min: secondsMin,
    max: hourSeconds,
    says: 'How often an active repository is asked for waiting jobs, for events that were never sent.',
    why: 'Two or three requests each. Every 2 minutes: the longest gap grows from 140 to 145 s; every 5: to 310 s.',
  },
  queuedJobsIdleMs: {
    key: 'queuedJobsIdleSeconds',
    default: hourSeconds,
    min: secondsMin,
    max: daySeconds,
    says: 'The same for a repository that is quiet.',
    why: 'GitHub cancels a job that waited for 24 hours: an hour leaves time enough, at hardly any cost.',
  },
  activeMs: {
    key: 'activeSeconds',
    default: hourSeconds,
    min: secondsMin,
    max: daySeconds,
    says: 'A repository is active for this long after its last event.',
    why: 'Runs that started recently are where jobs are still to come.',
  },
  recountMs: {
    key: 'recountSeconds',
    default: 600,
    min: secondsMin,
    max: daySeconds,
    says: "How often every host's books are counted anew from its jobs and runners.",
    why: 'They should never differ; this bounds how long a difference could last.',
  },
  keepMs: {
    key: 'keepDays',
    default: 8,
    min: 7,
    max: 90,
    says: 'Jobs and runners that ended are kept for this long.',
    why: 'Longer than an event can be sent again: 3 days, 7 on GitHub Enterprise Server.',
    bounds: 'an old event that is sent again for a job that was forgotten would look like a new job',
  },
} as const satisfies Record<keyof Timing, TimingEntry>;

export type TimingKey = (typeof timings)[keyof Timing]['key'];

const unitMs = { Seconds: 1000, Minutes: 60_000, Days: daySeconds * 1000 };

/** Milliseconds of what was written under a key that ends with its unit: `idleSeconds: 1.5` is 1500. */
export function millisecondsOf(key: WithUnit, written: number): number {
  const unit = /(Seconds|Minutes|Days)(?:Max)?$/.exec(key)?.[1] as keyof typeof unitMs;
  return Math.round(written * unitMs[unit]);
}

export function timingOf(written: Readonly<Partial<Record<TimingKey, number | undefined>>>): Timing {
  const fields = Object.entries(timings).map(([field, { key, default: otherwise }]) => [
    field,
    millisecondsOf(key, written[key] ?? otherwise),
  ]);
  return Object.fromEntries(fields) as Timing;
}

/** Times of which the first must not exceed the second. */
export const timingOrder: readonly { less: TimingKey; more: TimingKey; why: string }[] = [
  {
    less: 'leaseSeconds',
    more: 'orderSeconds',
    why: 'an order would be void while its runner is still being launched',
  },
  {
    less: 'outboxSeconds',
    more: 'orderSeconds',
    why: 'an order whose message was lost would be void before it is published again',
  },
  { less: 'holdSeconds', more: 'holdSecondsMax', why: 'the first back-off would exceed the longest' },
  { less: 'breakerSeconds', more: 'breakerSecondsMax', why: 'the first back-off would exceed the longest' },
  {
    less: 'runnerListSeconds',
    more: 'runnerListIdleSeconds',
    why: 'scopes without runners would be read more often than those with some',
  },
  {
    less: 'queuedJobsSeconds',
    more: 'queuedJobsIdleSeconds',
    why: 'quiet repositories would be asked more often than active ones',
  },
  {
    less: 'queuedJobsSeconds',
    more: 'activeSeconds',
    why: 'a repository would be quiet again before it was asked once',
  },
];
