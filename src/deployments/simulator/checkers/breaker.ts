// The circuit breaker of a pool: three runners in a row that fail for a reason that lies in the pool open it, an open
// one orders nothing, after that one probe at a time; and a runner that gets a job closes it.

import type { Commit } from '../../../core/commit.ts';
import type { JobKey, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Breaker } from '../../../core/ledger.ts';
import type { EndingCode } from '../../../core/reason.ts';
import type { Runner, RunnerClass } from '../../../core/runner.ts';
import { poolOfLane } from '../../../core/scope.ts';
import type { Checker, Scene } from './checker.ts';

const failuresToOpen = 3;
const speaksAgainst: ReadonlySet<EndingCode> = new Set(['bootDeadline', 'refused', 'invalid', 'mintRefused']);

interface News {
  failed: number;
  worked: number;
  ordered: number;
}

export function createBreakerChecker(scene: Scene): Checker {
  const counted = new Map<RunnerName, RunnerClass | null>();
  const held = new Set<JobKey>();
  const failures = new Map<PoolName, number>();
  const breakers = new Map<PoolName, Breaker | null>();

  return {
    committed(commit) {
      for (const [pool, news] of newsOf(commit)) check(commit, pool, news);
    },
  };

  function check(commit: Commit, pool: PoolName, { failed, worked, ordered }: News): void {
    const before = breakers.get(pool) ?? null;
    const breaker = commit.ledger.pools[pool]?.breaker ?? null;
    breakers.set(pool, breaker);
    const inARow = worked > 0 ? 0 : (failures.get(pool) ?? 0) + failed;
    failures.set(pool, inARow);
    const now = scene.clock.now();
    if (inARow >= failuresToOpen && breaker?.until == null)
      scene.fail('breaker', `pool ${pool}: ${inARow} runners failed in a row, and it orders on`);
    // What failed in the same commit may have been counted after the one that worked.
    if (worked > 0 && breaker !== null && breaker.failures > failed)
      scene.fail('breaker', `pool ${pool}: a runner got a job, and its breaker stays`);
    if (ordered > 0 && worked === 0 && before?.until != null && before.until > now)
      scene.fail('breaker', `pool ${pool}: ${ordered} ordered while its breaker is open`);
  }

  function newsOf(commit: Commit): Map<PoolName, News> {
    const all = new Map<PoolName, News>();
    const of = (pool: PoolName): News => {
      const news = all.get(pool) ?? { failed: 0, worked: 0, ordered: 0 };
      all.set(pool, news);
      return news;
    };
    for (const runner of commit.runnersNew) {
      counted.set(runner.name, runner.counted);
      of(runner.pool).ordered += 1;
    }
    for (const runner of commit.runners) {
      const before = counted.get(runner.name) ?? null;
      counted.set(runner.name, runner.counted);
      if (before !== 'coming' && before !== 'standby') continue;
      if (runner.counted === before) continue;
      if (hasWorked(runner)) of(runner.pool).worked += 1;
      else if (hasFailed(runner)) of(runner.pool).failed += 1;
    }
    // A job that GitHub holds back for the first time speaks against the pool too: a runner was given none.
    for (const { key, held: hold, counted: count } of commit.jobs) {
      if (count?.class !== 'held') held.delete(key);
      else if (!held.has(key)) {
        held.add(key);
        if (hold?.times === 1) of(poolOfLane(count.lane)).failed += 1;
      }
    }
    return all;
  }
}

function hasWorked(runner: Runner): boolean {
  return runner.counted === 'busy' || runner.doneAt !== null || runner.job !== null;
}

function hasFailed(runner: Runner): boolean {
  const end = runner.removing ?? runner.end;
  return end !== null && speaksAgainst.has(end.code);
}
