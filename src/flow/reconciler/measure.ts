// What no event tells: how long the oldest job of a host has waited, and how full the host is. Told at each tick, for
// alarms and for whoever looks; it decides nothing. The ledger and the lanes are two reads, a budget is one. A lane knows a time before
// which none of its jobs was made, which stays while jobs come and go: where it is far back, the jobs are asked.

import { breakerState } from '../../core/breaker.ts';
import { hostByName } from '../../core/configuration.ts';
import type { HostName } from '../../core/ids.ts';
import type { Job, JobClass } from '../../core/job.ts';
import { aliveHost, type Lane, type Ledger, type PoolBooks, waiting } from '../../core/ledger.ts';
import type { EpochMs } from '../../ports/clock.ts';
import { launchBudget, mintBudget } from '../publisher/knowledge.ts';
import type { ReconcilerDeps } from './deps.ts';
import { metrics } from './metrics.ts';

export type MeasureDeps = Pick<ReconcilerDeps, 'clock' | 'table' | 'budgets' | 'configuration' | 'telemetry'>;

/** Lanes that are added up. There are as many as scopes with work; beyond, the figures are too low. */
const lanesMax = 1_000;
/** Lanes whose jobs are asked, the suspicious first. Only one is, unless several have waited for long. */
const lanesAskedMax = 5;
/** Jobs asked of a lane and class: the oldest but for those that were approved late. */
const jobsAsked = 10;
/** So near, the lane's own time is good enough. No alarm is set to less. */
const nearMs = 5 * 60_000;

/** Installations whose budgets are told. Nearly every deployment has one. */
const installationsMax = 20;

const waitingClasses: readonly Exclude<JobClass, 'held'>[] = ['fresh', 'ordered', 'orphaned'];
const runnerClasses = ['coming', 'busy', 'ending', 'standby'] as const;

export function createMeasure(deps: MeasureDeps): (host: HostName) => Promise<void> {
  /** Told until their budgets are whole again, so that no gauge stays where it was when the last job left. */
  const spending = new Set<number>();

  return async (host) => {
    const [ledger, lanes] = await Promise.all([
      deps.table.readLedger(host),
      deps.table.lanesWaiting(host, lanesMax),
    ]);
    tellOfJobs(deps, host, lanes, await oldestSince(deps, lanes));
    tellOfRunners(deps, host, ledger);
    for (const { scope } of lanes) if (spending.size < installationsMax) spending.add(scope.installation);
    await Promise.all([tellOfLaunches(deps, host), ...[...spending].map(tellOfMints)]);
  };

  async function tellOfMints(installation: number): Promise<void> {
    const { key, terms } = mintBudget(deps.configuration, installation);
    const left = await deps.budgets.left(key, terms, deps.clock.now());
    deps.telemetry.gauge(metrics.mintsLeft, left, { installation: key.account });
    if (left >= terms.burst) spending.delete(installation);
  }
}

async function tellOfLaunches(deps: MeasureDeps, host: HostName): Promise<void> {
  const { key, terms } = launchBudget(deps.configuration, host);
  deps.telemetry.gauge(metrics.launchesLeft, await deps.budgets.left(key, terms, deps.clock.now()), { host });
}

function tellOfJobs(
  { clock, telemetry }: MeasureDeps,
  host: HostName,
  lanes: readonly Lane[],
  since: EpochMs | null,
): void {
  const sum = (count: (lane: Lane) => number) => lanes.reduce((all, lane) => all + count(lane), 0);
  telemetry.gauge(metrics.waiting, sum(waiting), { host });
  telemetry.gauge(
    metrics.held,
    sum((lane) => lane.held),
    { host },
  );
  telemetry.gauge(metrics.oldestWaitingMs, since === null ? 0 : Math.max(0, clock.now() - since), { host });
}

function tellOfRunners(
  { clock, configuration, telemetry }: MeasureDeps,
  host: HostName,
  ledger: Ledger | null,
): void {
  telemetry.gauge(metrics.alive, ledger === null ? 0 : aliveHost(ledger), { host });
  telemetry.gauge(metrics.limit, hostByName(configuration, host)?.limit ?? 0, { host });
  for (const [pool, books] of Object.entries<PoolBooks>(ledger?.pools ?? {})) {
    for (const one of runnerClasses) telemetry.gauge(metrics.runners, books[one], { host, pool, class: one });
    const isOpen = breakerState(books.breaker, clock.now()) !== 'closed';
    telemetry.gauge(metrics.breakerOpen, isOpen ? 1 : 0, { host, pool });
    telemetry.gauge(metrics.paused, books.paused ? 1 : 0, { host, pool });
  }
}

/** Since when the oldest job waits; `null`: none does. The lanes come with the earliest time first. */
async function oldestSince(deps: MeasureDeps, lanes: readonly Lane[]): Promise<EpochMs | null> {
  let oldest: EpochMs | null = null;
  for (const lane of lanes.slice(0, lanesAskedMax)) {
    if (lane.oldestAt === null || (oldest !== null && lane.oldestAt >= oldest)) break;
    const since: EpochMs | null =
      deps.clock.now() - lane.oldestAt < nearMs ? lane.oldestAt : await oldestOf(deps, lane);
    if (since !== null && (oldest === null || since < oldest)) oldest = since;
  }
  return oldest;
}

/** `null` where the index shows none: they have come or gone this moment. */
async function oldestOf({ table }: MeasureDeps, lane: Lane): Promise<EpochMs | null> {
  const classes = waitingClasses.filter((one) => lane[one] > 0);
  const found = await Promise.all(classes.map((one) => table.jobsOfLane(lane.key, one, jobsAsked)));
  const times = found.flat().map(waitsSince);
  return times.length === 0 ? null : Math.min(...times);
}

/** A job that waited for an approval first waits for us only since then. */
function waitsSince({ createdAt, firstSeenAt, queuedSeenAt }: Job): EpochMs {
  return queuedSeenAt !== null && queuedSeenAt > firstSeenAt ? queuedSeenAt : createdAt;
}
