// The books of a host are what a recount gives: of each pool and lane, by what each item says it is counted as. And an
// item that nobody has to count again is counted as what it is.

import type { HostName, LaneKey, PoolName } from '../../../core/ids.ts';
import { type LaneCounts, noPoolCounts, type PoolBooks, type PoolCounts } from '../../../core/ledger.ts';
import { runnerClass } from '../../../core/runner.ts';
import type { Census } from '../../../ports/jobs-table.ts';
import type { Checker, Scene } from './checker.ts';

export function createLedgerChecker(scene: Scene): Checker {
  const versions = new Map<HostName, number>();

  return {
    committed(commit) {
      const before = versions.get(commit.host) ?? 0;
      if (commit.ledger.version !== before + 1 || commit.version !== before)
        scene.fail(
          'ledger',
          `host ${commit.host}: a commit on version ${commit.version} follows version ${before}`,
        );
      versions.set(commit.host, commit.ledger.version);
    },
    async recount() {
      for (const { name } of scene.configuration.hosts) check(name, await scene.table.census(name));
    },
  };

  function check(host: HostName, census: Census): void {
    comparePools(host, census);
    compareLanes(host, census);
    for (const runner of census.runners) {
      const is = runnerClass(runner);
      if (runner.dirty === null && runner.counted !== is)
        scene.fail('ledger', `runner ${runner.name} is counted as ${runner.counted}, and is ${is}`, [
          runner.name,
        ]);
    }
    for (const job of scene.truth.jobsOpen.values()) {
      if (job.dirty !== null) continue;
      const isHome = job.phase === 'queued' && job.route.kind === 'lane';
      if (isHome && job.counted === null)
        scene.fail('ledger', `job ${job.id} waits, is not counted, and nobody has to count it`, [
          String(job.id),
        ]);
      if (!isHome && job.counted !== null)
        scene.fail('ledger', `job ${job.id} is ${job.phase}, and counted as ${job.counted.class}`, [
          String(job.id),
        ]);
    }
  }

  function comparePools(host: HostName, census: Census): void {
    const pools = new Map<PoolName, PoolCounts>();
    for (const { pool, counted } of census.runners) {
      if (counted === null) continue;
      const counts = pools.get(pool) ?? { coming: 0, busy: 0, ending: 0, standby: 0 };
      counts[counted] += 1;
      pools.set(pool, counts);
    }
    const books = census.ledger?.pools ?? {};
    for (const name of new Set([...(Object.keys(books) as PoolName[]), ...pools.keys()])) {
      const kept: PoolBooks = books[name] ?? noPoolCounts;
      const counted = pools.get(name) ?? noPoolCounts;
      for (const part of ['coming', 'busy', 'ending', 'standby'] as const) {
        if (kept[part] !== counted[part])
          scene.fail(
            'ledger',
            `pool ${name} on ${host}: the ledger has ${kept[part]} ${part}, a recount ${counted[part]}`,
          );
      }
    }
  }

  function compareLanes(host: HostName, census: Census): void {
    const counts = new Map<LaneKey, LaneCounts>();
    const of = (lane: LaneKey): LaneCounts => {
      const known = counts.get(lane) ?? {
        fresh: 0,
        ordered: 0,
        orphaned: 0,
        held: 0,
        coming: 0,
        busy: 0,
        ending: 0,
        unnoted: 0,
      };
      counts.set(lane, known);
      return known;
    };
    for (const runner of census.runners) {
      if (runner.lane === null || runner.counted === null || runner.counted === 'standby') continue;
      of(runner.lane)[runner.counted] += 1;
      if (runner.counted === 'coming' && runner.forJob === null) of(runner.lane).unnoted += 1;
    }
    for (const [lane, jobs] of census.jobs ?? []) {
      for (const jobClass of ['fresh', 'ordered', 'orphaned', 'held'] as const)
        of(lane)[jobClass] += jobs[jobClass];
    }
    const lanes = new Map(census.lanes.map((lane) => [lane.key, lane]));
    for (const key of new Set([...lanes.keys(), ...counts.keys()])) {
      const counted = of(key);
      for (const part of Object.keys(counted) as (keyof LaneCounts)[]) {
        const kept = lanes.get(key)?.[part] ?? 0;
        if (kept !== counted[part])
          scene.fail(
            'ledger',
            `lane ${key} on ${host}: the books have ${kept} ${part}, a recount ${counted[part]}`,
          );
      }
    }
  }
}
