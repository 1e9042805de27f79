// Answers what a plan needs to know beyond what changed: jobs and runners found by an index and then read strongly,
// and tokens of the shared budgets, which go back if the plan does not use them.

import type { Configuration } from '../../core/configuration.ts';
import type { HostName } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import { jobsKey, type Known, type Need, type Reserved } from '../../core/plan/need.ts';
import type { Runner } from '../../core/runner.ts';
import type { BudgetKey, Budgets, BudgetTerms } from '../../ports/budgets.ts';
import type { Clock, EpochMs } from '../../ports/clock.ts';
import type { ItemKey, JobsTable } from '../../ports/jobs-table.ts';

export interface KnowledgeDeps {
  clock: Clock;
  table: JobsTable;
  budgets: Budgets;
  configuration: Configuration;
}

/** Tokens in hand, reserved and not yet used: they outlive a lost commit, and go back at the end of the run. */
export interface Purse {
  mints: Map<number, number>;
  launches: number;
  /** Before the first was reserved: what came back by itself since is not given back twice. */
  openedAt: EpochMs;
}

export function newPurse(openedAt: EpochMs): Purse {
  return { mints: new Map(), launches: 0, openedAt };
}

export function mintBudget(
  configuration: Configuration,
  installation: number,
): { key: BudgetKey; terms: BudgetTerms } {
  const { mintBurst, mintsPerMinute } = configuration.github;
  return {
    key: { kind: 'github-mint', account: String(installation) },
    terms: { burst: mintBurst, perSecond: mintsPerMinute / 60 },
  };
}

function launchBudget(configuration: Configuration, host: HostName): { key: BudgetKey; terms: BudgetTerms } {
  const settings = configuration.hosts.find((candidate) => candidate.name === host);
  return {
    key: { kind: 'host-launch', account: host },
    terms: { burst: settings?.launchBurst ?? 1, perSecond: settings?.launchesPerSecond ?? 1 },
  };
}

export async function learn(
  deps: KnowledgeDeps,
  host: HostName,
  needs: readonly Need[],
  known: Known,
  purse: Purse,
): Promise<Known> {
  const jobs = new Map(known.jobs);
  const runners = new Map(known.runners);
  const spares = new Map(known.spares);
  const mints = new Map(known.mints);
  let launches = known.launches;
  for (const need of needs) {
    switch (need.kind) {
      case 'jobs': {
        const listed = await deps.table.jobsOfLane(need.lane, need.class, need.count);
        jobs.set(jobsKey(need.lane, need.class), await readJobs(deps.table, host, listed));
        break;
      }
      case 'runners': {
        const listed = await deps.table.runnersOfLane(host, need.lane, 'coming', need.count);
        runners.set(need.lane, await readRunners(deps.table, host, listed));
        break;
      }
      case 'spares': {
        const listed = await deps.table.runnersStandingBy(host, need.pool, need.count);
        spares.set(need.pool, await readRunners(deps.table, host, listed));
        break;
      }
      case 'mints': {
        const inHand = purse.mints.get(need.installation) ?? 0;
        const { key, terms } = mintBudget(deps.configuration, need.installation);
        const reserved = await reserve(deps, key, terms, need.count, inHand);
        purse.mints.set(need.installation, Math.max(inHand, reserved.granted));
        mints.set(need.installation, reserved);
        break;
      }
      case 'launches': {
        const { key, terms } = launchBudget(deps.configuration, host);
        launches = await reserve(deps, key, terms, need.count, purse.launches);
        purse.launches = Math.max(purse.launches, launches.granted);
        break;
      }
      default:
        need satisfies never;
    }
  }
  return { jobs, runners, spares, mints, launches };
}

export async function giveBack(deps: KnowledgeDeps, host: HostName, purse: Purse): Promise<void> {
  const now = deps.clock.now();
  for (const [installation, tokens] of purse.mints) {
    if (tokens === 0) continue;
    const { key, terms } = mintBudget(deps.configuration, installation);
    await deps.budgets.giveBack(key, terms, tokens, now, purse.openedAt);
  }
  if (purse.launches > 0) {
    const { key, terms } = launchBudget(deps.configuration, host);
    await deps.budgets.giveBack(key, terms, purse.launches, now, purse.openedAt);
  }
}

async function reserve(
  deps: KnowledgeDeps,
  key: BudgetKey,
  terms: BudgetTerms,
  wanted: number,
  inHand: number,
): Promise<Reserved> {
  if (inHand >= wanted) return { granted: wanted, nextAt: null };
  const grant = await deps.budgets.reserve(key, terms, wanted - inHand, deps.clock.now());
  return { granted: inHand + grant.granted, nextAt: grant.nextAt };
}

/** An index may lag: what it names is read again before anything is decided by it. */
async function readJobs(table: JobsTable, host: HostName, listed: readonly Job[]): Promise<readonly Job[]> {
  const { jobs } = await readItems(
    table,
    host,
    listed.map((job) => ({ kind: 'job', key: job.key })),
  );
  return jobs;
}

async function readRunners(
  table: JobsTable,
  host: HostName,
  listed: readonly Runner[],
): Promise<readonly Runner[]> {
  const { runners } = await readItems(
    table,
    host,
    listed.map((runner) => ({ kind: 'runner', name: runner.name })),
  );
  return runners;
}

async function readItems(table: JobsTable, host: HostName, items: readonly ItemKey[]) {
  if (items.length === 0) return { jobs: [], runners: [] };
  return table.books(host, { items, queueMax: 0, timedMax: 0, pools: [] });
}
