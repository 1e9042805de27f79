// The one writer of a host's ledger. Loads what changed, plans, commits in one transaction on the ledger's version,
// and only then publishes orders. Goes on while it can make progress now; where only time has to pass it arms one
// timer and stops. It acknowledges every message: what it did not finish is still marked in the table.

import type { Commit } from '../../core/commit.ts';
import { poolsOfHost } from '../../core/configuration.ts';
import type { DeploymentPrefix } from '../../core/ids.ts';
import {
  type HostName,
  type JobKey,
  type PoolName,
  type RunnerName,
  runnerName,
  ulid,
} from '../../core/ids.ts';
import { type Order, orderAttributes } from '../../core/order.ts';
import type { OwnRunner } from '../../core/plan/count.ts';
import { nothingKnown } from '../../core/plan/need.ts';
import { type PlanResult, plan } from '../../core/plan/plan.ts';
import type { SparesAt } from '../../core/spares.ts';
import { makeTraceparent } from '../../core/trace.ts';
import type { Random } from '../../ports/clock.ts';
import type { Books, ItemKey } from '../../ports/jobs-table.ts';
import type { BatchHandler, ReceivedMessage, Topic } from '../../ports/queue.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Tracer } from '../../ports/tracer.ts';
import { armTimer, itemId, type Wake } from '../messenger/handler.ts';
import { itemsPerNotification, type Notification, notify } from '../notification.ts';
import { createKnowledge, type KnowledgeDeps, newPurse, type Purse } from './knowledge.ts';
import { metrics } from './metrics.ts';
import { observePhases } from './phases.ts';
import { spansOfCommit, withoutSteps } from './spans.ts';
import { createTouch } from './touch.ts';
import { logTransitions } from './transitions.ts';

export interface PublisherDeps extends KnowledgeDeps {
  random: Random;
  prefix: DeploymentPrefix;
  own: OwnRunner;
  sparesAt: SparesAt;
  jobsTopic: Topic<Order>;
  publisherTopic: Topic<Notification>;
  timer: Topic<Wake>;
  telemetry: Telemetry;
  /** Without it no traces are kept. */
  tracer?: Tracer;
  /** Share of the traces that begin with a runner which is for no job yet, 0 … 1. */
  sampleRatio?: number;
  /** How long one run may go on before it notifies itself and stops. */
  timeBudgetMs: number;
}

/** Lanes read from the queue for places and from the list of times: more than a commit can order for or release. */
const lanesReadMax = 40;
/**
 * A plan that still asks after this many answers is a fault. Each time that an installation turns out to have no tokens
 * left, the next lane in turn may need another's.
 */
const roundsMax = 64;
/** Lost commits and conflicts in a row, before the run leaves the rest to the next. */
const conflictsMax = 12;
/** A run that wakes itself so often without a commit between is a fault: stopped, and said. */
const hopsMax = 3;

export function createPublisher(deps: PublisherDeps): BatchHandler<Notification> {
  const { clock, table, telemetry, configuration } = deps;
  const touch = createTouch(deps);
  const knowledge = createKnowledge(deps);

  return async (batch) => {
    for (const [host, work] of byHost(batch)) {
      telemetry.count(metrics.runs, { host });
      try {
        await run(host, work);
      } catch (error) {
        // Acknowledged all the same: nothing in a FIFO group may be poison. The sweep of uncounted items finds it.
        telemetry.count(metrics.failures, { host });
        telemetry.log('error', 'the publisher failed', { host, error: String(error) });
        await goOn(host, work);
      }
    }
    return [];
  };

  async function run(host: HostName, work: Work): Promise<void> {
    const stopAt = clock.now() + deps.timeBudgetMs;
    const purse = newPurse(clock.now());
    let pending = work.items;
    let recount = work.recount;
    let conflicts = 0;
    let committed = false;
    let more = true;
    try {
      while (more && clock.now() < stopAt && conflicts < conflictsMax) {
        const step = await planOnce(host, pending, recount, purse);
        if (step.outcome === 'conflict') {
          conflicts += 1;
          continue;
        }
        conflicts = 0;
        committed ||= step.outcome === 'committed';
        pending = [...step.left, ...pending.slice(itemsPerNotification)];
        recount = recount && step.recountAgain;
        more = step.more || pending.length > 0;
      }
    } finally {
      await knowledge.giveBack(host, purse);
    }
    if (more) await notifySelf(host, pending, recount, committed ? 0 : work.hops + 1);
  }

  /**
   * What it had left to order after a commit is marked nowhere, so that nothing would bring it back but an event or the
   * next recount. A fault that lasts outlasts these few runs too, and is left to them.
   */
  async function goOn(host: HostName, { items, recount, hops }: Work): Promise<void> {
    if (hops >= hopsMax) return;
    await notifySelf(host, items, recount, hops + 1).catch(() => {});
  }

  async function planOnce(
    host: HostName,
    pending: readonly ItemKey[],
    recount: boolean,
    purse: Purse,
  ): Promise<Step> {
    const items = pending.slice(0, itemsPerNotification);
    const startMs = clock.now();
    const pools = poolsOfHost(configuration, host).map((pool) => pool.name);
    const books = await table.books(host, { items, queueMax: lanesReadMax, timedMax: lanesReadMax, pools });
    const behind = books.ledger !== null && books.ledger.configuration !== configuration.version;
    const census = recount || behind ? await table.census(host) : null;
    if (census && (census.ledger?.version ?? 0) !== (books.ledger?.version ?? 0))
      return { outcome: 'conflict' };
    const decided = await decide(host, items, books, census, purse);
    telemetry.count(metrics.mismatches, { host }, decided.mismatches);
    if (!decided.commit)
      return { outcome: 'level', more: decided.more, left: leftOf(decided), recountAgain: decided.more };
    await touch(decided.commit);
    const result = await table.commit(withoutSteps(decided.commit));
    telemetry.count(metrics.commits, { host, outcome: result.outcome });
    if (result.outcome !== 'committed') return { outcome: 'conflict' };
    spend(purse, decided);
    await publish(host, decided);
    logTransitions(telemetry, decided.commit, books);
    observePhases(telemetry, decided.commit, books);
    deps.tracer?.export(spansOfCommit(decided.commit, books, { startMs, endMs: clock.now() }, deps.random));
    return { outcome: 'committed', more: decided.more, left: leftOf(decided), recountAgain: decided.more };
  }

  async function decide(
    host: HostName,
    items: readonly ItemKey[],
    books: Books,
    census: Parameters<typeof plan>[0]['census'],
    purse: Purse,
  ): Promise<Extract<PlanResult, { kind: 'decided' }>> {
    let known = nothingKnown;
    for (let round = 0; round < roundsMax; round += 1) {
      const now = clock.now();
      const result = plan({
        host,
        now,
        configuration,
        changedJobs: items.flatMap((item) => (item.kind === 'job' ? item.key : [])),
        changedRunners: items.flatMap((item) => (item.kind === 'runner' ? item.name : [])),
        books,
        known,
        census,
        own: deps.own,
        sparesAt: deps.sparesAt,
        makeName: (pool: PoolName) => runnerName(deps.prefix, host, pool, ulid(now, deps.random)),
        makeTraceparent: (parent) => makeTraceparent(parent, deps.random, deps.sampleRatio ?? 0),
      });
      if (result.kind === 'decided') return result;
      known = await knowledge.learn(host, result.needs, known, purse);
    }
    throw new Error(`the plan of host ${host} still needs to know more after ${roundsMax} rounds`);
  }

  /** After the commit, so that no order is out which the ledger does not hold. A lost one is found by its deadline. */
  async function publish(host: HostName, decided: Extract<PlanResult, { kind: 'decided' }>): Promise<void> {
    const { orders, arm } = decided;
    for (const order of orders) telemetry.count(metrics.orders, { host, status: order.status });
    if (orders.length > 0) {
      await deps.jobsTopic.publish(
        orders.map((order) => ({
          body: withRunner(order, decided.commit),
          attributes: orderAttributes(order),
        })),
      );
    }
    if (arm !== null) await armTimer(deps.timer, clock, { host, at: arm });
  }

  async function notifySelf(
    host: HostName,
    items: readonly ItemKey[],
    recount: boolean,
    hops: number,
  ): Promise<void> {
    if (hops > hopsMax) {
      telemetry.count(metrics.stopped, { host });
      telemetry.log('error', 'the publisher woke itself in vain, and stops', { host, hops });
      return;
    }
    const id = `self:${host}:${ulid(clock.now(), deps.random)}`;
    await deps.publisherTopic.publish([
      notify({ host, items: items.slice(0, itemsPerNotification), recount, hops }, id),
    ]);
  }
}

type Step =
  | { outcome: 'conflict' }
  | { outcome: 'committed' | 'level'; more: boolean; left: ItemKey[]; recountAgain: boolean };

interface Work {
  items: ItemKey[];
  recount: boolean;
  hops: number;
}

function byHost(batch: readonly ReceivedMessage<Notification>[]): Map<HostName, Work> {
  const work = new Map<HostName, { items: Map<string, ItemKey>; recount: boolean; hops: number }>();
  for (const { body } of batch) {
    const known = work.get(body.host) ?? { items: new Map<string, ItemKey>(), recount: false, hops: 0 };
    for (const item of body.items) known.items.set(itemId(item), item);
    work.set(body.host, {
      items: known.items,
      recount: known.recount || body.recount,
      hops: Math.max(known.hops, body.hops),
    });
  }
  return new Map([...work].map(([host, one]) => [host, { ...one, items: [...one.items.values()] }]));
}

/** Its runner goes along, as the commit has just written it. */
function withRunner(order: Order, commit: Commit | null): Order {
  if (order.status !== 'launch') return order;
  const ordered = commit?.runnersNew.find(({ name }) => name === order.runner);
  return ordered ? { ...order, known: { ...ordered, version: ordered.version + 1 } } : order;
}

function leftOf(decided: { left: { jobs: readonly JobKey[]; runners: readonly RunnerName[] } }): ItemKey[] {
  return [
    ...decided.left.jobs.map((key): ItemKey => ({ kind: 'job', key })),
    ...decided.left.runners.map((name): ItemKey => ({ kind: 'runner', name })),
  ];
}

function spend(purse: Purse, decided: { minted: ReadonlyMap<number, number>; launches: number }): void {
  for (const [installation, count] of decided.minted) {
    purse.mints.set(installation, Math.max(0, (purse.mints.get(installation) ?? 0) - count));
  }
  purse.launches = Math.max(0, purse.launches - decided.launches);
}
