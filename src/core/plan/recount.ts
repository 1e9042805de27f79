// A recount: the books of a host made anew from everything that is counted. It mends what should never be wrong, and
// takes a new configuration in: runners of a vanished pool are drained.

import type { LaneKey, PoolName } from '../ids.ts';
import type { JobClass } from '../job.ts';
import { type Lane, type LaneCounts, type Ledger, newLane, noPoolCounts, type PoolBooks } from '../ledger.ts';
import { mergeRunner, type Runner } from '../runner.ts';
import { countRunner } from './count.ts';
import type { Draft } from './draft.ts';
import { pushTerminate } from './release.ts';

export interface CensusView {
  ledger: Ledger | null;
  lanes: readonly Lane[];
  runners: readonly Runner[];
  /** `null` where jobs can't be counted strongly: what the lanes say of them is kept. */
  jobs: ReadonlyMap<LaneKey, Record<JobClass, number>> | null;
}

/** Lanes that one recount may mend, and runners that it may drain: the rest comes with the next. */
const lanesMendedMax = 12;
const runnersDrainedMax = 10;
const itemsPerDrain = 4;

export function recount(draft: Draft, census: CensusView): { mismatches: number; more: boolean } {
  draft.know({ runners: census.runners, lanes: census.lanes });
  const pools = countPools(census.runners);
  const lanes = countLanes(draft, census);
  let mismatches = mendPools(draft, pools);
  let more = false;
  let mended = 0;
  for (const lane of lanes) {
    const known = draft.lane(lane.key);
    if (known && sameCounts(known, lane)) continue;
    mismatches += 1;
    if (mended === lanesMendedMax) {
      more = true;
      continue;
    }
    mended += 1;
    draft.setLane(lane);
  }
  more = drainVanishedPools(draft, census.runners) || more;
  if (!more) draft.setLedger({ configuration: draft.configuration.version, recountedAt: draft.now });
  return { mismatches, more };
}

function countPools(runners: readonly Runner[]): Map<PoolName, PoolBooks> {
  const pools = new Map<PoolName, PoolBooks>();
  for (const { pool, counted } of runners) {
    if (!counted) continue;
    const counts = pools.get(pool) ?? { ...noPoolCounts };
    counts[counted] += 1;
    pools.set(pool, counts);
  }
  return pools;
}

function mendPools(draft: Draft, pools: ReadonlyMap<PoolName, PoolBooks>): number {
  let mismatches = 0;
  const names = new Set([...(Object.keys(draft.ledger().pools) as PoolName[]), ...pools.keys()]);
  for (const name of names) {
    const { coming, busy, ending, standby } = pools.get(name) ?? noPoolCounts;
    const known = draft.pool(name);
    if (
      known.coming === coming &&
      known.busy === busy &&
      known.ending === ending &&
      known.standby === standby
    )
      continue;
    mismatches += 1;
    draft.setPool(name, { coming, busy, ending, standby });
  }
  return mismatches;
}

function countLanes(draft: Draft, census: CensusView): Lane[] {
  const lanes = new Map<LaneKey, Lane>();
  const runnerless = { coming: 0, busy: 0, ending: 0, unnoted: 0 };
  const jobless = { fresh: 0, ordered: 0, orphaned: 0, held: 0 };
  for (const lane of census.lanes) {
    const jobs = census.jobs === null ? {} : (census.jobs.get(lane.key) ?? jobless);
    lanes.set(lane.key, { ...lane, ...runnerless, ...jobs });
  }
  for (const runner of census.runners) {
    if (
      runner.lane === null ||
      runner.scope === null ||
      runner.counted === null ||
      runner.counted === 'standby'
    )
      continue;
    const lane =
      lanes.get(runner.lane) ?? newLane(runner.lane, draft.host, runner.pool, runner.scope, runner.group);
    const unnoted = runner.counted === 'coming' && runner.forJob === null ? 1 : 0;
    lanes.set(lane.key, {
      ...lane,
      [runner.counted]: lane[runner.counted] + 1,
      unnoted: lane.unnoted + unnoted,
    });
  }
  return [...lanes.values()];
}

const counted = [
  'fresh',
  'ordered',
  'orphaned',
  'held',
  'coming',
  'busy',
  'ending',
  'unnoted',
] as const satisfies (keyof LaneCounts)[];

function sameCounts(a: LaneCounts, b: LaneCounts): boolean {
  return counted.every((count) => a[count] === b[count]);
}

/** Answers whether there are more. */
function drainVanishedPools(draft: Draft, runners: readonly Runner[]): boolean {
  let drained = 0;
  for (const listed of runners) {
    const runner = draft.runner(listed.name) ?? listed;
    if (draft.settings(runner.pool) || runner.counted === null) continue;
    const merged = mergeRunner(
      runner,
      { kind: 'removing', code: 'poolGone', why: `pool ${runner.pool} is no longer configured` },
      draft.now,
    );
    if (merged.outcome !== 'changed') continue;
    if (drained === runnersDrainedMax || draft.room() < itemsPerDrain) return true;
    drained += 1;
    countRunner(draft, merged.runner);
    pushTerminate(draft, merged.runner);
  }
  return false;
}
