// Orders: a runner for each place that a lane was given, by a spare's machine where one stands ready, else by a
// launch; then spares, as far as nobody waits for the places.

import { breakerState } from '../breaker.ts';
import type { PoolSettings } from '../configuration.ts';
import { waitsOfJob } from '../episodes.ts';
import type { PoolName } from '../ids.ts';
import type { Job } from '../job.ts';
import type { Lane } from '../ledger.ts';
import { isReady, mergeRunner, notLaunched, type Runner } from '../runner.ts';
import { runnerOrdered, withEntries } from '../timeline.ts';
import { countNewRunner, countRunner, setJobClass } from './count.ts';
import type { Draft } from './draft.ts';
import { jobsKey, type Known, lookUpMax, type Need } from './need.ts';
import { type Share, shareOut, type Wanting } from './share.ts';

export interface Naming {
  makeName: (pool: PoolName) => Runner['name'];
  makeTraceparent: (parent: string | null) => string;
}

export interface OrderInput extends Naming {
  known: Known;
}

export interface Ordered {
  needs: Need[];
  wanting: Wanting;
  minted: ReadonlyMap<number, number>;
  launches: number;
  /** Places given out, whether they are ordered already or more has to be known first. */
  shared: number;
  cut: boolean;
}

export function orderRunners(draft: Draft, lanes: readonly Lane[], input: OrderInput): Ordered {
  const ready = readySpares(draft, input.known);
  const { shares, wanting, cut } = shareOut(draft, lanes, input.known, ready, draft.room());
  const needs = [
    ...tokenNeeds(draft, shares, input.known),
    ...noteNeeds(draft, shares, input.known),
    ...spareNeeds(draft, lanes, input.known),
  ];
  const minted = new Map<number, number>();
  const shared = shares.reduce((sum, share) => sum + share.count, 0);
  let launches = 0;
  if (needs.length > 0) return { needs, wanting, minted, launches, shared, cut };

  for (const { lane, count, spares } of shares) {
    const jobs = steadyLast(draft, lane, freshJobs(draft, lane, input.known).slice(0, count));
    for (let i = 0; i < count; i += 1) {
      const spare = spares[i] ?? null;
      orderRunner(draft, lane, jobs[i] ?? null, spare, input);
      if (!spare) launches += 1;
    }
    minted.set(lane.scope.installation, (minted.get(lane.scope.installation) ?? 0) + count);
  }
  // A budget that ran out says when its next token comes.
  for (const reserved of [
    ...input.known.mints.values(),
    ...(input.known.launches ? [input.known.launches] : []),
  ]) {
    if (reserved.nextAt !== null) draft.wakeTimes.push(reserved.nextAt);
  }
  return { needs, wanting, minted, launches, shared, cut };
}

function orderRunner(
  draft: Draft,
  lane: Lane,
  job: Job | null,
  spare: Runner | null,
  input: OrderInput,
): void {
  const settings = draft.settings(lane.pool);
  if (!settings) return;
  const runner: Runner = {
    ...orderedRunner(draft, settings, input),
    lane: lane.key,
    scope: lane.scope,
    group: lane.group,
    forJob: job?.key ?? null,
    steady: job !== null && spare === null && wantsSteady(settings, job),
    traceparent: input.makeTraceparent(job?.traceparent ?? null),
    activates: spare?.machine ? { spare: spare.name, machine: spare.machine } : null,
    machine: spare?.machine ?? null,
    machineSince: spare ? (spare.machineSince ?? spare.launchedAt) : null,
    keyHash: spare?.keyHash ?? null,
  };
  if (spare) handOver(draft, spare, runner);
  addOrdered(draft, runner, settings);
  if (job) {
    setJobClass(draft, job, 'ordered', {
      orders: job.orders + 1,
      lastOrder: { runner: runner.name, at: draft.now },
      timeline: withEntries(job.timeline, [
        ...waitsOfJob(job, draft.ledger(), draft.now),
        { at: draft.now, what: runnerOrdered, why: runner.name },
      ]),
    });
  }
}

export function orderedRunner(draft: Draft, settings: PoolSettings, input: Naming): Runner {
  return {
    name: input.makeName(settings.name),
    version: 0,
    host: draft.host,
    pool: settings.name,
    lane: null,
    scope: null,
    group: settings.group,
    labels: settings.labels,
    activates: null,
    activatedAs: null,
    forJob: null,
    traceparent: input.makeTraceparent(null),
    orderedAt: draft.now,
    launchBefore: draft.now + draft.configuration.timing.orderMs,
    ...notLaunched,
    timeline: [{ at: draft.now, what: 'ordered' }],
  };
}

/** Takes a place, is counted, and is told to the Orchestrator once the commit stands. */
function addOrdered(draft: Draft, runner: Runner, settings: PoolSettings): void {
  countNewRunner(draft, runner);
  draft.orders.push({
    status: 'launch',
    host: draft.host,
    os: settings.os,
    runner: runner.name,
    launchBefore: runner.launchBefore,
  });
}

/** The spare's item ends, and its machine goes on under the new name: the place is handed over. */
function handOver(draft: Draft, spare: Runner, runner: Runner): void {
  const merged = mergeRunner(
    spare,
    { kind: 'gone', code: 'activated', why: `its machine goes on as ${runner.name}` },
    draft.now,
  );
  if (merged.outcome === 'changed') countRunner(draft, { ...merged.runner, activatedAs: runner.name });
}

/** Jobs of the lane that a first order may be made for, oldest first. */
function freshJobs(draft: Draft, lane: Lane, known: Known): Job[] {
  const listed = known.jobs.get(jobsKey(lane.key, 'fresh')) ?? [];
  const keys = new Set([...draft.jobsTouched(), ...listed].map((job) => job.key));
  return [...keys]
    .flatMap((key) => draft.job(key) ?? [])
    .filter(
      (job) => job.counted?.class === 'fresh' && job.counted.lane === lane.key && job.phase === 'queued',
    )
    .sort((a, b) => a.createdAt - b.createdAt || (a.key < b.key ? -1 : 1));
}

/** Spares go to the first of a share, and what they run on may be taken back as well. */
function steadyLast(draft: Draft, { pool }: Lane, jobs: readonly Job[]): Job[] {
  const settings = draft.settings(pool);
  const isSteady = (job: Job) => settings !== null && wantsSteady(settings, job);
  return [...jobs.filter((job) => !isSteady(job)), ...jobs.filter(isSteady)];
}

/** A later attempt of a pool whose jobs are run again: an interruption has cost enough. */
function wantsSteady({ rerunInterrupted }: PoolSettings, { runAttempt }: Job): boolean {
  return rerunInterrupted && runAttempt > 1;
}

/** The jobs that just came are known; older ones that wait have to be looked up, to be noted on their orders. */
function noteNeeds(draft: Draft, shares: readonly Share[], known: Known): Need[] {
  return shares.flatMap(({ lane, count }) => {
    if (known.jobs.has(jobsKey(lane.key, 'fresh'))) return [];
    const atHand = freshJobs(draft, lane, known).length;
    return atHand >= lane.fresh
      ? []
      : [{ kind: 'jobs' as const, lane: lane.key, class: 'fresh' as const, count }];
  });
}

function tokenNeeds(draft: Draft, shares: readonly Share[], known: Known): Need[] {
  const needs: Need[] = [];
  const wanted = new Map<number, number>();
  for (const { lane, count } of shares) {
    wanted.set(lane.scope.installation, (wanted.get(lane.scope.installation) ?? 0) + count);
  }
  for (const [installation, count] of wanted) {
    if (!known.mints.has(installation)) needs.push({ kind: 'mints', installation, count });
  }
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  if (total > 0 && known.launches === null) needs.push({ kind: 'launches', host: draft.host, count: total });
  return needs;
}

/** Spares are looked up where a lane that wants a runner could take one. */
function spareNeeds(draft: Draft, lanes: readonly Lane[], known: Known): Need[] {
  const pools = new Set(
    lanes.filter((lane) => lane.fresh > 0 && draft.pool(lane.pool).standby > 0).map((lane) => lane.pool),
  );
  return [...pools].flatMap((pool) => (known.spares.has(pool) ? [] : [needOfSpares(draft, pool)]));
}

function readySpares(draft: Draft, known: Known): Map<PoolName, Runner[]> {
  const ready = new Map<PoolName, Runner[]>();
  for (const [pool, spares] of known.spares) {
    const now = spares.flatMap((spare) => draft.runner(spare.name) ?? []);
    ready.set(pool, now.filter(mayBeActivated));
  }
  return ready;
}

/** Its machine may not be known yet, where the answer to its launch was lost: there is nothing to activate by then. */
function mayBeActivated(spare: Runner): boolean {
  return isReady(spare) && spare.machine !== null && spare.counted === 'standby';
}

/** Standby = spares, as far as nobody waits for the places: too few are ordered, too many released elsewhere. */
export function orderSpares(
  draft: Draft,
  ordered: Ordered,
  input: OrderInput,
): { needs: Need[]; launches: number; cut: boolean } {
  let launches = 0;
  let cut = false;
  let wanted = 0;
  const tokens = (input.known.launches?.granted ?? 0) - ordered.launches;
  const needs: Need[] = [];
  for (const settings of draft.configuration.pools) {
    let missing = Math.max(0, sparesMissing(draft, settings, ordered.wanting));
    if (missing > 0 && breakerState(draft.pool(settings.name).breaker, draft.now) === 'probe') {
      const coming = isSpareComing(draft, settings.name, input.known);
      if (coming === 'unknown') needs.push(needOfSpares(draft, settings.name));
      missing = coming === false ? 1 : 0;
    }
    wanted += missing;
    if (input.known.launches === null) continue;
    for (let i = 0; i < missing && launches < tokens; i += 1) {
      if (draft.room() < 1) {
        cut = true;
        break;
      }
      addOrdered(draft, orderedRunner(draft, settings, input), settings);
      launches += 1;
    }
  }
  if (wanted === 0 || input.known.launches !== null) return { needs, launches, cut };
  // Beside what the lanes were given: the host takes so many launches in all.
  const count = Math.min(ordered.shared + wanted, lookUpMax);
  return { needs: [...needs, { kind: 'launches', host: draft.host, count }], launches, cut };
}

/** The one that is tried: another is ordered only once it stands by, or has told by its end what is wrong. */
function isSpareComing(draft: Draft, pool: PoolName, known: Known): boolean | 'unknown' {
  const { standby } = draft.pool(pool);
  if (standby === 0) return false;
  const spares = known.spares.get(pool);
  if (spares === undefined) return 'unknown';
  // One that was just ordered may not be listed yet.
  if (spares.length < Math.min(standby, lookUpMax)) return true;
  return spares.some((spare) => !isReady(draft.runner(spare.name) ?? spare));
}

function needOfSpares(draft: Draft, pool: PoolName): Need {
  return { kind: 'spares', pool, count: Math.min(draft.pool(pool).standby, lookUpMax) };
}

function sparesMissing(draft: Draft, settings: PoolSettings, wanting: Wanting): number {
  if (settings.host !== draft.host) return 0;
  const { spares, until: changesAt } = draft.spares(settings);
  if (changesAt !== null) draft.wakeTimes.push(changesAt);
  if (spares === 0) return 0;
  const pool = draft.pool(settings.name);
  if (pool.paused) return 0;
  if (wanting.inHost > 0 || (wanting.inPool.get(settings.name) ?? 0) > 0) return 0;
  const missing = Math.min(spares - pool.standby, draft.poolRoom(settings.name), draft.hostRoom());
  if (missing <= 0) return 0;
  const throttledUntil = draft.ledger().throttled?.until ?? 0;
  const opensUntil = pool.breaker?.until ?? 0;
  const until = Math.max(throttledUntil, opensUntil);
  // Only a job closes a breaker, and none may come for days: then one is tried after another.
  if (until <= draft.now) return missing;
  draft.wakeTimes.push(until);
  return 0;
}
