// Answers what a plan needs to know beyond what changed: jobs and runners found by an index, and tokens of the shared
// budgets, which go back if the plan does not use them. A budget that has nothing left is not asked again before some
// of its tokens are back, so that a long backlog is served by some at a time, and not by a run for each token.

import type { Configuration } from '../../core/configuration.ts';
import type { HostName } from '../../core/ids.ts';
import { jobsKey, type Known, type Need, type Reserved } from '../../core/plan/need.ts';
import type { BudgetKey, Budgets, BudgetTerms } from '../../ports/budgets.ts';
import type { Clock, EpochMs } from '../../ports/clock.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';

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

export function launchBudget(
  configuration: Configuration,
  host: HostName,
): { key: BudgetKey; terms: BudgetTerms } {
  const settings = configuration.hosts.find((candidate) => candidate.name === host);
  return {
    key: { kind: 'host-launch', account: host },
    terms: { burst: settings?.launchBurst ?? 1, perSecond: settings?.launchesPerSecond ?? 1 },
  };
}

export interface Knowledge {
  learn(host: HostName, needs: readonly Need[], known: Known, purse: Purse): Promise<Known>;
  /** At the end of a run: what it reserved and did not use. */
  giveBack(host: HostName, purse: Purse): Promise<void>;
}

/**
 * A plan that wants more than there is waits for so many tokens, so that one run uses them together: but for no more than
 * half of what may be saved up, since what comes back to a full budget, while a wake-up is late, is lost.
 */
const tokensTogetherMax = 10;
/** … but no longer than this after the first of them: it is what a paced launch may lose. */
const togetherMsMax = 5_000;

export function createKnowledge(deps: KnowledgeDeps): Knowledge {
  const { clock, table, budgets, configuration } = deps;
  /** Budgets that had nothing left, and until when they are not asked again. */
  const spentUntil = new Map<string, EpochMs>();

  async function learn(host: HostName, needs: readonly Need[], known: Known, purse: Purse): Promise<Known> {
    const mintNeeds = needs.filter((need) => need.kind === 'mints');
    const launchNeed = needs.find((need) => need.kind === 'launches');
    // One kind at a time: what has no token needs no look-up, and the plan asks again for what it still needs.
    if (mintNeeds.length > 0) return learnMints(host, mintNeeds, known, purse);
    if (launchNeed) return { ...known, launches: await reserveLaunches(host, launchNeed.count, purse) };
    return lookUp(host, needs, known);
  }

  async function learnMints(
    host: HostName,
    needs: readonly Extract<Need, { kind: 'mints' }>[],
    known: Known,
    purse: Purse,
  ): Promise<Known> {
    const mints = new Map(known.mints);
    // Without a launch no registration is of use, but for a spare that stands ready.
    const isLaunchless = known.spares.size === 0 && isSpent(launchBudget(configuration, host).key);
    const launches = isLaunchless ? await reserveLaunches(host, needs.length, purse) : known.launches;
    const countMax = isLaunchless ? purse.launches : Number.POSITIVE_INFINITY;
    for (const { installation, count } of needs) {
      const inHand = purse.mints.get(installation) ?? 0;
      const { key, terms } = mintBudget(configuration, installation);
      const reserved = await reserve(key, terms, Math.min(count, countMax), inHand);
      purse.mints.set(installation, Math.max(inHand, reserved.granted));
      mints.set(installation, reserved);
    }
    return { ...known, mints, launches };
  }

  async function reserveLaunches(host: HostName, count: number, purse: Purse): Promise<Reserved> {
    const { key, terms } = launchBudget(configuration, host);
    const reserved = await reserve(key, terms, count, purse.launches);
    purse.launches = Math.max(purse.launches, reserved.granted);
    return reserved;
  }

  /** At once: they have nothing to do with one another. */
  async function lookUp(host: HostName, needs: readonly Need[], known: Known): Promise<Known> {
    const jobs = new Map(known.jobs);
    const runners = new Map(known.runners);
    const spares = new Map(known.spares);
    await Promise.all(
      needs.map(async (need) => {
        switch (need.kind) {
          case 'jobs': {
            const { lane, class: jobClass, count } = need;
            jobs.set(jobsKey(lane, jobClass), await table.jobsOfLane(lane, jobClass, count));
            break;
          }
          case 'runners':
            runners.set(need.lane, await table.runnersOfLane(host, need.lane, 'coming', need.count));
            break;
          case 'spares':
            spares.set(need.pool, await table.runnersStandingBy(host, need.pool, need.count));
            break;
          case 'mints':
          case 'launches':
            break;
          default:
            need satisfies never;
        }
      }),
    );
    return { ...known, jobs, runners, spares };
  }

  async function reserve(
    key: BudgetKey,
    terms: BudgetTerms,
    wanted: number,
    inHand: number,
  ): Promise<Reserved> {
    if (inHand >= wanted) return { granted: wanted, nextAt: null };
    const now = clock.now();
    if (isSpent(key)) return { granted: inHand, nextAt: spentUntil.get(idOf(key)) ?? null };
    const grant = await budgets.reserve(key, terms, wanted - inHand, now);
    const granted = inHand + grant.granted;
    if (grant.nextAt === null) return { granted, nextAt: null };
    const together = Math.min(wanted - granted, tokensTogetherMax, Math.ceil(terms.burst / 2)) - 1;
    const until = Math.max(
      grant.nextAt,
      Math.min(grant.nextAt + Math.ceil((together / terms.perSecond) * 1_000), now + togetherMsMax),
    );
    spentUntil.set(idOf(key), until);
    return { granted, nextAt: until };
  }

  function isSpent(key: BudgetKey): boolean {
    const until = spentUntil.get(idOf(key));
    if (until === undefined) return false;
    if (until > clock.now()) return true;
    spentUntil.delete(idOf(key));
    return false;
  }

  async function giveBack(host: HostName, purse: Purse): Promise<void> {
    for (const [installation, tokens] of purse.mints)
      await giveBackTo(mintBudget(configuration, installation), tokens, purse);
    await giveBackTo(launchBudget(configuration, host), purse.launches, purse);
  }

  /** They are there again: a run that has less of something else is not to wait for more of these. */
  async function giveBackTo(
    { key, terms }: { key: BudgetKey; terms: BudgetTerms },
    tokens: number,
    { openedAt }: Purse,
  ): Promise<void> {
    if (tokens === 0) return;
    spentUntil.delete(idOf(key));
    await budgets.giveBack(key, terms, tokens, clock.now(), openedAt);
  }

  return { learn, giveBack };
}

function idOf({ kind, account }: BudgetKey): string {
  return `${kind} ${account}`;
}
