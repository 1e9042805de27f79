// Release: a lane with more runners coming than jobs waiting lets the rest go. After the idle time; at once where
// another lane waits for the place. Orders not launched go first, then spares, then the longest idle, then what boots.

import { systemToEnd } from '../configuration.ts';
import type { PoolName } from '../ids.ts';
import { type Lane, surplus } from '../ledger.ts';
import type { EndingCode } from '../reason.ts';
import { isMarked, isReady, mergeRunner, type Runner, runnerClass } from '../runner.ts';
import { countRunner } from './count.ts';
import type { Draft } from './draft.ts';
import { type Known, lookUpMax, type Need } from './need.ts';
import type { Wanting } from './share.ts';

/** Looked up beyond the surplus: some of the candidates may just have been given a job. */
const spareCandidates = 5;
/** What releasing one runner may cost: the runner, the job it was noted for, its lane. */
const itemsPerRelease = 5;

export function releaseSurplus(
  draft: Draft,
  lanes: readonly Lane[],
  wanting: Wanting,
  known: Known,
): { needs: Need[]; cut: boolean } {
  const needs: Need[] = [];
  // Freed places can be given out by the next plan: there is more to do.
  let cut = false;
  const wanted = placesWanted(draft, wanting);
  for (const { key } of lanes) {
    const lane = draft.lane(key);
    if (!lane) continue;
    const count = releasable(draft, lane, wanted);
    if (count === 0) continue;
    const candidates = known.runners.get(lane.key);
    if (!candidates) {
      needs.push({ kind: 'runners', lane: lane.key, count: Math.min(count + spareCandidates, lookUpMax) });
      continue;
    }
    const code: EndingCode = isDue(draft, lane) ? 'surplus' : 'giveWay';
    for (const runner of inOrderOfRelease(draft, candidates).slice(0, count)) {
      if (draft.room() < itemsPerRelease) {
        cut = true;
        break;
      }
      cut = release(draft, runner, code) || cut || count > lookUpMax;
      giveBack(wanted, lane.pool);
    }
  }
  const spares = releaseSpares(draft, wanted, known);
  return { needs: [...needs, ...spares.needs], cut: cut || spares.cut };
}

/** Less those that come free by themselves, as their machines are ending: for them nothing has to go. */
function placesWanted(draft: Draft, wanting: Wanting): { inHost: number; inPool: Map<PoolName, number> } {
  const inPool = new Map(wanting.inPool);
  let ending = 0;
  for (const name of Object.keys(draft.ledger().pools) as PoolName[]) {
    const ofPool = draft.pool(name).ending;
    const served = Math.min(ofPool, inPool.get(name) ?? 0);
    if (served > 0) inPool.set(name, (inPool.get(name) ?? 0) - served);
    ending += ofPool - served;
  }
  return { inHost: Math.max(0, wanting.inHost - ending), inPool };
}

/** How many of the lane's runners go now; notes the time at which more would. */
function releasable(
  draft: Draft,
  lane: Lane,
  wanted: { inHost: number; inPool: Map<PoolName, number> },
): number {
  const tooMany = surplus(lane);
  if (tooMany === 0) return 0;
  if (isDue(draft, lane)) return tooMany;
  if (lane.surplusSince !== null) draft.wakeTimes.push(lane.surplusSince + idleMs(draft, lane.pool));
  return Math.min(tooMany, (wanted.inPool.get(lane.pool) ?? 0) + wanted.inHost);
}

function isDue(draft: Draft, lane: Lane): boolean {
  return lane.surplusSince !== null && lane.surplusSince + idleMs(draft, lane.pool) <= draft.now;
}

/** A pool that is no longer configured keeps nothing idle. */
function idleMs(draft: Draft, pool: PoolName): number {
  return draft.settings(pool)?.idleMs ?? 0;
}

function giveBack(wanted: { inHost: number; inPool: Map<PoolName, number> }, pool: PoolName): void {
  const inPool = wanted.inPool.get(pool) ?? 0;
  if (inPool > 0) wanted.inPool.set(pool, inPool - 1);
  else if (wanted.inHost > 0) wanted.inHost -= 1;
}

function inOrderOfRelease(draft: Draft, candidates: readonly Runner[]): Runner[] {
  const { assignedMs } = draft.configuration.timing;
  const now = candidates
    .flatMap((runner) => draft.runner(runner.name) ?? [])
    .filter((runner) => runnerClass(runner) === 'coming' && runner.counted === 'coming');
  const mayGoAt = ({ assignedAt }: Runner) => (assignedAt === null ? draft.now : assignedAt + assignedMs);
  draft.wakeTimes.push(...now.map(mayGoAt));
  return now
    .filter((runner) => mayGoAt(runner) <= draft.now)
    .sort((a, b) => rank(a) - rank(b) || (a.onlineAt ?? 0) - (b.onlineAt ?? 0) || b.orderedAt - a.orderedAt);
}

function rank(runner: Runner): number {
  if (!isMarked(runner)) return 0;
  return runner.onlineAt !== null ? 1 : 2;
}

/** True where its place is free at once: it was not launched, and this very commit sees to it that it never is. */
function release(draft: Draft, runner: Runner, code: EndingCode): boolean {
  const why = code === 'giveWay' ? 'its place is wanted by a job that waits' : 'no job waits for it';
  const removing = mergeRunner(runner, { kind: 'removing', code, why }, draft.now);
  if (removing.outcome !== 'changed') return false;
  const fenced = mergeRunner(removing.runner, { kind: 'fenced' }, draft.now);
  countRunner(draft, fenced.outcome === 'changed' ? fenced.runner : removing.runner);
  if (fenced.outcome === 'changed') return true;
  pushTerminate(draft, runner);
  return false;
}

export function pushTerminate(draft: Draft, runner: Runner): void {
  const os = systemToEnd(draft.configuration, draft.host, runner.pool);
  draft.orders.push({ status: 'terminate', host: draft.host, os, runner: runner.name });
}

/** Spares beyond what the pool wants, or whose places other pools wait for. */
function releaseSpares(
  draft: Draft,
  wanted: { inHost: number; inPool: Map<PoolName, number> },
  known: Known,
): { needs: Need[]; cut: boolean } {
  const needs: Need[] = [];
  let cut = false;
  for (const name of Object.keys(draft.ledger().pools) as PoolName[]) {
    const pool = draft.pool(name);
    const settings = draft.settings(name);
    const tooMany = Math.max(0, pool.standby - (settings ? draft.spares(settings).spares : 0));
    // A pool whose spares any lane can have uses them before it lacks a place; those of one scope it has to end.
    const inPool = settings && settings.reuseMs > 0 ? (wanted.inPool.get(name) ?? 0) : 0;
    const giving = Math.min(pool.standby, wanted.inHost + inPool);
    if (tooMany === 0 && giving === 0) continue;
    const spares = known.spares.get(name);
    if (!spares) {
      needs.push({ kind: 'spares', pool: name, count: Math.min(pool.standby, lookUpMax) });
      continue;
    }
    const now = spares
      .flatMap((spare) => draft.runner(spare.name) ?? [])
      .filter((spare) => spare.counted === 'standby')
      .sort((a, b) => Number(isReady(a)) - Number(isReady(b)));
    // Those that are not ready yet go first. What has worked before is paid for until its time is over; then its deadline ends it.
    const surplus = now.filter(({ machineSince }) => machineSince === null).slice(0, tooMany);
    const others = now.filter((spare) => !surplus.includes(spare));
    const giveWay = others.slice(0, Math.max(0, giving - surplus.length));
    for (const spare of [...surplus, ...giveWay]) {
      if (draft.room() < itemsPerRelease) return { needs, cut: true };
      cut = release(draft, spare, surplus.includes(spare) ? 'surplus' : 'giveWay') || cut;
      giveBack(wanted, name);
    }
  }
  return { needs, cut };
}
