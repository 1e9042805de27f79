// The plan: flow control of one host, whole and pure.
//
// Per lane one rule is kept level: runners coming = jobs waiting, and per pool standby = spares, as far as the limits
// of pool and host allow. What changed is counted first; then places are shared out, surplus is released, doubts are
// put to GitHub, and the next time is found at which something could be done that can't be done now.

import type { Commit } from '../commit.ts';
import type { Configuration } from '../configuration.ts';
import type { HostName, JobKey, LaneKey, PoolName, RunnerName } from '../ids.ts';
import type { Job } from '../job.ts';
import type { Control, Lane, Ledger } from '../ledger.ts';
import { newLedger } from '../ledger.ts';
import type { Order } from '../order.ts';
import type { Runner } from '../runner.ts';
import type { SparesAt } from '../spares.ts';
import { askAboutWaiting } from './ask.ts';
import { countJob, countRunner, type OwnRunner } from './count.ts';
import { createDraft, type Draft } from './draft.ts';
import { freeHeldJobs } from './hold.ts';
import { endInterrupted } from './interrupted.ts';
import type { Known, Need } from './need.ts';
import { notePlaces, obstaclesOf, withEpisodes } from './note-waits.ts';
import { orderRunners, orderSpares } from './order.ts';
import { type CensusView, recount } from './recount.ts';
import { releaseSurplus } from './release.ts';
import { putToRest, reuseMachines } from './standby.ts';

export interface PlanInput {
  host: HostName;
  now: number;
  configuration: Configuration;
  /** Items that changed, as they now are. Those that the commit has no room for are left for the next one. */
  changedJobs: readonly JobKey[];
  changedRunners: readonly RunnerName[];
  books: {
    ledger: Ledger | null;
    controls: readonly Control[];
    jobs: readonly Job[];
    runners: readonly Runner[];
    lanes: readonly Lane[];
    queue: readonly Lane[];
    timed: readonly Lane[];
  };
  known: Known;
  /** With it, the books are made anew from everything that is counted. */
  census: CensusView | null;
  own: OwnRunner;
  makeName: (pool: PoolName) => RunnerName;
  sparesAt: SparesAt;
  /** A new span of the trace that the job's `traceparent` names; a new trace where there is none. */
  makeTraceparent: (parent: string | null) => string;
}

export type PlanResult =
  | { kind: 'needs'; needs: readonly Need[] }
  | {
      kind: 'decided';
      /** `null`: all is level, nothing is written. */
      commit: Commit | null;
      orders: readonly Order[];
      /** Arm the timer for then; `null` where nothing has to pass but events, or it is armed already. */
      arm: number | null;
      /** There is more that can be done now: load and plan again. */
      more: boolean;
      /** Changes that the commit had no room for. */
      left: { jobs: readonly JobKey[]; runners: readonly RunnerName[] };
      /** Tokens of what was reserved that the orders use up. */
      minted: ReadonlyMap<number, number>;
      launches: number;
      mismatches: number;
    };

/**
 * The most that counting one change may write: the job, its runner, the job that the runner was noted for, and three
 * lanes (the job's before and after, the runner's).
 */
const itemsPerChangeMax = 3 + 3 * 3;

/** Kept back for orders while changes are counted, so that a flood of events can not starve the launches. */
const itemsForOrders = 30;

export function plan(input: PlanInput): PlanResult {
  const ledger =
    input.census?.ledger ?? input.books.ledger ?? newLedger(input.host, input.configuration.version);
  const { host, now, configuration, sparesAt } = input;
  const draft = createDraft({ host, now, configuration, ledger, sparesAt });
  const { books } = input;
  draft.know({
    jobs: books.jobs,
    runners: books.runners,
    lanes: [...books.queue, ...books.timed, ...books.lanes],
  });
  // A pool that moved leaves jobs in a lane of the same name behind, until they are routed again.
  for (const jobs of input.known.jobs.values())
    draft.know({ jobs: jobs.filter((job) => job.counted?.host === input.host) });
  for (const runners of input.known.runners.values()) draft.know({ runners });
  for (const runners of input.known.spares.values()) draft.know({ runners });

  const recounted = input.census ? recount(draft, input.census) : { mismatches: 0, more: false };
  copyControls(draft, books.controls);
  const counted = countChanges(draft, input);

  putToRest(draft);
  endInterrupted(draft);
  reuseMachines(draft, input);

  const needs: Need[] = [];
  const held = freeHeldJobs(draft, counted.moved, input.known);
  needs.push(...held.needs);
  const lanes = lanesToLookAt(draft, input);
  const ordered = orderRunners(draft, lanes, input);
  needs.push(...ordered.needs);
  const spares = orderSpares(draft, ordered, input);
  needs.push(...spares.needs);
  const released = releaseSurplus(draft, lanes, ordered.wanting, input.known);
  needs.push(...released.needs);
  const asked = askAboutWaiting(draft, lanes, input.known);
  needs.push(...asked.needs);
  if (needs.length > 0) return { kind: 'needs', needs };

  markTimes(draft);
  const arm = setWakeTime(draft);
  const obstacles = obstaclesOf(draft, lanes, input.known);
  notePlaces(draft, counted.moved, obstacles);
  const changesLeft = counted.left.jobs.length + counted.left.runners.length > 0;
  const more = recounted.more || changesLeft || ordered.cut || spares.cut || released.cut || asked.cut;
  const commit = draft.commit();
  return {
    kind: 'decided',
    commit: commit && withEpisodes(commit, obstacles, { now: input.now, isWhole: !more }),
    orders: draft.orders,
    arm,
    more,
    left: counted.left,
    minted: ordered.minted,
    launches: ordered.launches + spares.launches,
    mismatches: recounted.mismatches,
  };
}

function copyControls(draft: Draft, controls: readonly Control[]): void {
  for (const control of controls) {
    const pool = draft.pool(control.pool);
    if (pool.paused === control.paused && pool.limitNow === control.limitNow) continue;
    draft.setPool(control.pool, { paused: control.paused, limitNow: control.limitNow });
  }
}

interface Counted {
  left: { jobs: JobKey[]; runners: RunnerName[] };
  /** Those that came, started or ended; an answer of GitHub's about a job that waits on moves nothing. */
  moved: Job[];
}

function countChanges(draft: Draft, input: PlanInput): Counted {
  const counted: Counted = { left: { jobs: [], runners: [] }, moved: [] };
  const isFull = () => draft.room() - itemsForOrders < itemsPerChangeMax;
  for (const key of input.changedJobs) {
    const job = draft.job(key);
    if (job?.dirty?.host !== input.host) continue;
    if (isFull()) {
      counted.left.jobs.push(key);
      continue;
    }
    countJob(draft, job, input.own);
    if (job.counted === null || job.phase !== 'queued') counted.moved.push(job);
  }
  for (const name of input.changedRunners) {
    const runner = draft.runner(name);
    // Counted already in this plan, by the event of its job.
    if (!runner || runner.dirty === null) continue;
    if (isFull()) counted.left.runners.push(name);
    else countRunner(draft, runner);
  }
  return counted;
}

/** Those that changed, those that stand in the queue for places, and those whose time may have come. */
function lanesToLookAt(draft: Draft, input: PlanInput): Lane[] {
  const keys = new Set<LaneKey>();
  for (const lane of draft.lanesTouched()) keys.add(lane.key);
  for (const lane of input.books.lanes) keys.add(lane.key);
  for (const lane of input.books.queue) keys.add(lane.key);
  for (const lane of input.books.timed) keys.add(lane.key);
  return [...keys].flatMap((key) => draft.lane(key) ?? []);
}

/** Since when a lane has more coming than waiting: set as it begins, cleared as it ends. */
function markTimes(draft: Draft): void {
  for (const lane of draft.lanesTouched()) {
    const tooMany = lane.coming > lane.fresh + lane.ordered + lane.orphaned;
    if (tooMany && lane.surplusSince === null) {
      draft.setLane({ ...lane, surplusSince: draft.now });
      // At least a moment: a surplus that may go at once is seen by the next plan.
      draft.wakeTimes.push(draft.now + Math.max(1, draft.settings(lane.pool)?.idleMs ?? 0));
    }
    if (!tooMany && lane.surplusSince !== null) draft.setLane({ ...lane, surplusSince: null });
  }
}

/** The timer is armed where the earliest time is another than the one that is armed, or that one has passed. */
function setWakeTime(draft: Draft): number | null {
  const future = draft.wakeTimes.filter((time) => time > draft.now);
  const wakeAt = future.length > 0 ? Math.min(...future) : null;
  const armed = draft.ledger().wakeAt;
  if (wakeAt === armed) return null;
  if (wakeAt === null && armed !== null && armed > draft.now) return null;
  draft.setLedger({ wakeAt });
  return wakeAt;
}
