// The Reconciler: a deadline passed, or two truths differ → the next fact, or the next order. It never writes the
// ledger, and is not needed for the normal case. Its work per tick is bounded; what it can't do now is still due then.

import type { HostName } from '../../core/ids.ts';
import { ulid } from '../../core/ids.ts';
import type { Order } from '../../core/order.ts';
import type { Host } from '../../ports/host.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import type { BatchHandler, OutgoingMessage } from '../../ports/queue.ts';
import { notify } from '../notification.ts';
import { type AskDeps, createAsk } from './ask.ts';
import type { ReconcilerDeps } from './deps.ts';
import { createDuties } from './duties.ts';
import { guarded } from './guarded.ts';
import { createMeasure } from './measure.ts';
import type { Step } from './message.ts';
import { metrics } from './metrics.ts';
import { createSweeps } from './sweep.ts';

/** Items that one step looks at. */
const dueMax = 100;
/**
 * Runners, more than a host has: an order that waits for its turn is due at each tick until it is launched, and must
 * not hide what is due behind it.
 */
const runnersDueMax = 1_000;
/** Sweeps that are read, and look-ups of queued jobs that begin: those are the many, and the others go before them. */
const sweepsReadMax = 1_000;
const lookUpsPerTick = 50;
/** A step that waited for so many ticks was said again by each of them. */
const staleTicks = 2;
/** A process that is busy for a moment drops nothing. */
const staleMsMin = 30_000;

export interface Reconciler {
  /** Each tick: says which steps there are to do. */
  tick(): Promise<void>;
  /** Reads the queue of steps. */
  handle: BatchHandler<Step>;
  /** Reads the Jobs Topic's orders to ask. */
  handleAsks: BatchHandler<Order>;
}

export function createReconciler(deps: ReconcilerDeps): Reconciler {
  return { tick: createTick(deps), handle: createSteps(deps), handleAsks: createAsks(deps) };
}

type TickDeps = Pick<ReconcilerDeps, 'clock' | 'table' | 'configuration' | 'steps'>;

export function createTick({ clock, table, configuration, steps: queue }: TickDeps): Reconciler['tick'] {
  return async () => {
    const at = clock.now();
    const due = inTurn(await table.sweepsDue(at, sweepsReadMax));
    const steps: Step[] = [
      ...configuration.hosts.flatMap(({ name }): Step[] => [
        { step: 'runnersDue', host: name, at },
        { step: 'uncounted', host: name, at },
        { step: 'wake', host: name, at },
        { step: 'measure', host: name, at },
      ]),
      { step: 'jobsDue', at },
      { step: 'purge', at },
      ...due.map(({ kind, subject }): Step => ({ step: 'sweep', kind, subject, at })),
    ];
    await queue.publish(steps.map((body): OutgoingMessage<Step> => ({ body })));
  };
}

export function createAsks(deps: AskDeps): Reconciler['handleAsks'] {
  const ask = createAsk(deps);
  return async (batch) => {
    for (const { body } of batch) {
      if (body.status === 'ask') await guarded(deps.telemetry, 'ask', () => ask(body.job, body.purpose));
    }
    return [];
  };
}

export function createSteps(deps: ReconcilerDeps): Reconciler['handle'] {
  const { clock, table, telemetry, configuration, publisherTopic } = deps;
  const ask = createAsk(deps);
  const duties = createDuties(deps, ask);
  const sweep = createSweeps(deps);
  const measure = createMeasure(deps);

  return async (batch) => {
    for (const { body } of batch) {
      if (isSaidAgain(body)) telemetry.count(metrics.stepsDropped, { step: body.step });
      else await guarded(telemetry, body.step, () => perform(body));
    }
    return [];
  };

  /** Behind looks that time out, steps would pile up by the tick, and what is urgent would wait behind them all. */
  function isSaidAgain(step: Step): boolean {
    if (!('at' in step) || step.at === undefined) return false;
    return clock.now() - step.at > Math.max(staleTicks * configuration.timing.tickMs, staleMsMin);
  }

  function perform(step: Step): Promise<void> {
    switch (step.step) {
      case 'runnersDue':
        return runnersDue(step.host);
      case 'jobsDue':
        return jobsDue();
      case 'uncounted':
        return uncounted(step.host);
      case 'wake':
        return wake(step.host);
      case 'measure':
        return measure(step.host);
      case 'purge':
        return purge();
      case 'sweep':
        return sweep(step.kind, step.subject);
      case 'ask':
        return ask(step.job, step.purpose);
      default:
        return step satisfies never;
    }
  }

  async function runnersDue(host: HostName): Promise<void> {
    let list: ReturnType<Host['list']> | null = null;
    const listHost = () => {
      list ??= deps.hosts.get(host)?.list() ?? Promise.resolve('unknown');
      return list;
    };
    for (const name of await table.dueRunners(host, clock.now(), runnersDueMax))
      await guarded(telemetry, 'runnersDue', () => duties.runner(name, listHost));
  }

  async function jobsDue(): Promise<void> {
    for (const key of await table.dueJobs(clock.now(), dueMax))
      await guarded(telemetry, 'jobsDue', () => duties.job(key));
  }

  /** A change whose notification was lost. */
  async function uncounted(host: HostName): Promise<void> {
    const items = await table.uncounted(host, clock.now() - configuration.timing.uncountedMs, dueMax);
    if (items.length === 0) return;
    telemetry.count(metrics.uncounted, { host }, items.length);
    await publisherTopic.publish([notify({ host, items, recount: false, hops: 0 }, makeId('uncounted'))]);
  }

  /** A timer that was lost. */
  async function wake(host: HostName): Promise<void> {
    const ledger = await table.readLedger(host);
    if (!ledger) return;
    const isLate = ledger.wakeAt !== null && ledger.wakeAt <= clock.now();
    const isBehind = ledger.configuration !== configuration.version;
    if (!isLate && !isBehind) return;
    await publisherTopic.publish([notify({ host, items: [], recount: isBehind, hops: 0 }, makeId('late'))]);
  }

  async function purge(): Promise<void> {
    await table.purge(clock.now() - configuration.timing.keepMs, dueMax);
  }

  function makeId(why: string): string {
    return `${why}:${ulid(clock.now(), deps.random)}`;
  }
}

/** Thousands of repositories may be due at once: they wait for one another, and nothing else waits for them. */
function inTurn(due: readonly Sweep[]): Sweep[] {
  const lookUps = due.filter((sweep) => sweep.kind === 'queuedJobs');
  return [...due.filter((sweep) => sweep.kind !== 'queuedJobs'), ...lookUps.slice(0, lookUpsPerTick)];
}
