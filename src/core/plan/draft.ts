// The working copy of a plan: what was read, and what of it is to be written. The only mutable thing in the core; it
// lives for one call of `plan`.

import { type Commit, commitItemsMax, laneItems } from '../commit.ts';
import type { Configuration, PoolSettings } from '../configuration.ts';
import type { HostName, JobKey, LaneKey, PoolName, RunnerName } from '../ids.ts';
import type { Job } from '../job.ts';
import {
  aliveHost,
  alivePool,
  isEmpty,
  type Lane,
  type Ledger,
  newLane,
  noPoolCounts,
  type PoolBooks,
} from '../ledger.ts';
import type { Order } from '../order.ts';
import type { Runner } from '../runner.ts';
import type { Scope } from '../scope.ts';
import type { SparesAt, SparesNow } from '../spares.ts';

export interface Draft {
  readonly host: HostName;
  readonly now: number;
  readonly configuration: Configuration;
  readonly orders: Order[];
  /** Times at which something may be done that can't be done now. */
  readonly wakeTimes: number[];

  ledger(): Ledger;
  setLedger(change: Partial<Ledger>): void;
  pool(name: PoolName): PoolBooks;
  setPool(name: PoolName, change: Partial<PoolBooks>): void;
  settings(name: PoolName): PoolSettings | null;
  /** Machines that are to stand by now, and when that number changes next. */
  spares(settings: PoolSettings): SparesNow;

  lane(key: LaneKey): Lane | null;
  /** The lane, made if there is none. */
  openLane(key: LaneKey, pool: PoolName, scope: Scope, group: string): Lane;
  setLane(lane: Lane): void;
  /** Lanes that this plan writes. */
  lanesTouched(): Lane[];

  job(key: JobKey): Job | null;
  setJob(job: Job): void;
  jobsTouched(): Job[];
  /** Those that were read for any reason, as they are by now. */
  jobsKnown(): Job[];
  runner(name: RunnerName): Runner | null;
  setRunner(runner: Runner): void;
  /** Those that this plan writes, but for new ones. */
  runnersTouched(): Runner[];
  addRunner(runner: Runner): void;
  /** Read only: takes no item of the commit. */
  know(known: { jobs?: readonly Job[]; runners?: readonly Runner[]; lanes?: readonly Lane[] }): void;

  /** Items that the commit may still take. */
  room(): number;
  /** Places free in the host and in the pool, by their limits as they are now. Negative after a limit was lowered. */
  hostRoom(): number;
  poolRoom(name: PoolName): number;
  /** `null` where there is nothing to write. */
  commit(): Commit | null;
}

export function createDraft(read: {
  host: HostName;
  now: number;
  configuration: Configuration;
  ledger: Ledger;
  sparesAt: SparesAt;
}): Draft {
  const { host, now, configuration, sparesAt } = read;
  const hostLimit = configuration.hosts.find((settings) => settings.name === host)?.limit ?? 0;
  const poolSettings = new Map(
    configuration.pools.filter((pool) => pool.host === host).map((pool) => [pool.name, pool]),
  );
  let ledger = read.ledger;
  let ledgerTouched = false;
  const lanes = new Map<LaneKey, Lane>();
  const jobs = new Map<JobKey, Job>();
  const runners = new Map<RunnerName, Runner>();
  const lanesWritten = new Set<LaneKey>();
  const jobsWritten = new Set<JobKey>();
  const runnersWritten = new Set<RunnerName>();
  const runnersNew = new Map<RunnerName, Runner>();

  const draft: Draft = {
    host,
    now,
    configuration,
    orders: [],
    wakeTimes: [],

    ledger: () => ledger,
    setLedger(change) {
      ledger = { ...ledger, ...change };
      ledgerTouched = true;
    },
    pool: (name) => ledger.pools[name] ?? noPoolCounts,
    setPool(name, change) {
      draft.setLedger({ pools: { ...ledger.pools, [name]: { ...draft.pool(name), ...change } } });
    },
    settings: (name) => poolSettings.get(name) ?? null,
    spares: (settings) => sparesAt(settings, now),

    lane: (key) => lanes.get(key) ?? null,
    openLane(key, pool, scope, group) {
      const lane = lanes.get(key) ?? newLane(key, host, pool, scope, group);
      lanes.set(key, lane);
      return lane;
    },
    setLane(lane) {
      lanes.set(lane.key, lane);
      lanesWritten.add(lane.key);
    },
    lanesTouched: () => [...lanesWritten].flatMap((key) => lanes.get(key) ?? []),

    job: (key) => jobs.get(key) ?? null,
    setJob(job) {
      jobs.set(job.key, job);
      jobsWritten.add(job.key);
    },
    jobsTouched: () => [...jobsWritten].flatMap((key) => jobs.get(key) ?? []),
    jobsKnown: () => [...jobs.values()],
    runner: (name) => runnersNew.get(name) ?? runners.get(name) ?? null,
    setRunner(runner) {
      runners.set(runner.name, runner);
      runnersWritten.add(runner.name);
    },
    runnersTouched: () => [...runnersWritten].flatMap((name) => runners.get(name) ?? []),
    addRunner(runner) {
      runnersNew.set(runner.name, runner);
    },
    know(known) {
      // What this plan has already changed is newer than what was read.
      for (const job of known.jobs ?? []) if (!jobsWritten.has(job.key)) jobs.set(job.key, job);
      for (const runner of known.runners ?? [])
        if (!runnersWritten.has(runner.name)) runners.set(runner.name, runner);
      for (const lane of known.lanes ?? []) if (!lanesWritten.has(lane.key)) lanes.set(lane.key, lane);
    },

    room: () =>
      commitItemsMax -
      1 -
      lanesWritten.size * laneItems -
      jobsWritten.size -
      runnersWritten.size -
      runnersNew.size,
    hostRoom: () => hostLimit - aliveHost(ledger),
    poolRoom(name) {
      const limit = poolSettings.get(name)?.limit ?? 0;
      const pool = draft.pool(name);
      return Math.min(limit, pool.limitNow ?? limit) - alivePool(pool);
    },
    commit() {
      const touched = draft.lanesTouched();
      if (!ledgerTouched && touched.length + jobsWritten.size + runnersWritten.size + runnersNew.size === 0)
        return null;
      return {
        host,
        version: read.ledger.version,
        ledger: {
          ...ledger,
          version: read.ledger.version + 1,
          pools: withoutEmptyPools(ledger, poolSettings),
        },
        lanes: touched.filter((lane) => !isEmpty(lane)),
        lanesEmptied: touched.filter((lane) => isEmpty(lane)),
        jobs: draft.jobsTouched(),
        runners: draft.runnersTouched(),
        runnersNew: [...runnersNew.values()],
      };
    },
  };
  return draft;
}

/** A pool that is no longer configured is forgotten when its last runner is. */
function withoutEmptyPools(ledger: Ledger, settings: ReadonlyMap<PoolName, PoolSettings>): Ledger['pools'] {
  const kept = Object.entries<PoolBooks>(ledger.pools).filter(
    ([name, pool]) => settings.has(name as PoolName) || alivePool(pool) > 0,
  );
  return Object.fromEntries(kept) as Ledger['pools'];
}
