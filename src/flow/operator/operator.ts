// What a person asks of a running system, and may change of it while it runs. Reads go by the table alone, so the same
// answers come from a process, and from outside by whoever may read the table. A change is a fact like any other: the
// Publisher counts it.

import { type Configuration, poolByName } from '../../core/configuration.ts';
import { type GitHubName, isPoolName, type JobKey, type PoolName } from '../../core/ids.ts';
import { aliveHost, type Lane, noPoolCounts, waiting } from '../../core/ledger.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Census, JobsTable } from '../../ports/jobs-table.ts';
import { createJobViews } from './jobs.ts';
import type { HostView, JobView, PoolView, StatusView, WhyView } from './views.ts';
import { createWhy } from './why.ts';

export interface OperatorDeps {
  clock: Clock;
  table: JobsTable;
  configuration: Configuration;
  gitHubName: GitHubName;
}

export interface JobsFilter {
  pool: string | null;
  repository: string | null;
  limit: number;
}

export type PoolChange = { paused: boolean } | { limitNow: number | null };

export interface Operator {
  status(): Promise<StatusView>;
  /** Those that wait or are held, the oldest first; then those that run on our runners. */
  jobs(filter: JobsFilter): Promise<JobView[]>;
  /** `null`: no such job is known. */
  why(key: JobKey): Promise<WhyView | null>;
  /** `null`: no such pool. */
  changePool(pool: string, change: PoolChange): Promise<PoolView | null>;
}

export function createOperator(deps: OperatorDeps): Operator {
  const { clock, table, configuration } = deps;
  const jobViews = createJobViews(deps);
  const why = createWhy(deps, jobViews);

  return {
    async status() {
      const books = await readBooks();
      return {
        at: clock.now(),
        configuration: configuration.version,
        hosts: configuration.hosts.map(({ name, type, limit }): HostView => {
          const ledger = books.get(name)?.ledger ?? null;
          return {
            name,
            type,
            limit,
            alive: ledger ? aliveHost(ledger) : 0,
            throttledUntil: ledger?.throttled?.until ?? null,
            upToDate: ledger?.configuration === configuration.version,
          };
        }),
        pools: configuration.pools.map((pool) => poolView(pool.name, books)),
      };
    },
    jobs: jobViews.list,
    why,
    async changePool(name, change) {
      const pool = isPoolName(name) ? poolByName(configuration, name) : null;
      if (!pool) return null;
      const books = await table.books(pool.host, { items: [], queueMax: 0, timedMax: 0, pools: [pool.name] });
      const was = books.controls.find((control) => control.pool === pool.name);
      const control = {
        host: pool.host,
        pool: pool.name,
        paused: was?.paused ?? false,
        limitNow: was?.limitNow ?? null,
        ...change,
      };
      await table.recordControl(control, clock.now());
      const { paused, limitNow } = control;
      return { ...poolView(pool.name, await readBooks()), paused, limitNow };
    },
  };

  async function readBooks(): Promise<ReadonlyMap<string, Census>> {
    const books = configuration.hosts.map(async ({ name }) => [name, await table.census(name)] as const);
    return new Map(await Promise.all(books));
  }

  function poolView(name: PoolName, books: ReadonlyMap<string, Census>): PoolView {
    const settings = poolByName(configuration, name);
    if (!settings) throw new Error(`pool ${name} is not configured`);
    const { host, os, labels, limit, spares } = settings;
    const census = books.get(host);
    const counts = census?.ledger?.pools[name] ?? noPoolCounts;
    const lanes = (census?.lanes ?? []).filter((lane) => lane.pool === name);
    const { coming, busy, ending, standby, breaker, paused, limitNow } = counts;
    return {
      name,
      host,
      os,
      labels,
      limit,
      limitNow,
      paused,
      spares,
      runners: { coming, busy, ending, standby },
      jobs: { waiting: sumOf(lanes, waiting), held: sumOf(lanes, (lane) => lane.held) },
      oldestAt: oldestOf(lanes),
      breaker: breaker && { failures: breaker.failures, until: breaker.until, why: breaker.why },
    };
  }
}

function sumOf(lanes: readonly Lane[], count: (lane: Lane) => number): number {
  return lanes.reduce((sum, lane) => sum + count(lane), 0);
}

function oldestOf(lanes: readonly Lane[]): number | null {
  const times = lanes.flatMap(({ oldestAt }) => oldestAt ?? []);
  return times.length === 0 ? null : Math.min(...times);
}
