// Look-ups by global indexes, which may lag. An index tells keys; the items are read strongly, and those that have left
// their place meanwhile are left out.

import type { HostName, JobKey, LaneKey, PoolName, RunnerName } from '../../../core/ids.ts';
import type { JobClass } from '../../../core/job.ts';
import type { Lane } from '../../../core/ledger.ts';
import type { RunnerClass } from '../../../core/runner.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { ItemKey } from '../../../ports/jobs-table.ts';
import { controlsUncounted } from '../record.ts';
import { waitingLanes } from '../waiting-lanes.ts';
import type { Access, Look } from './access.ts';
import type { HostRows } from './books.ts';
import { jobOf, runnerOf } from './late.ts';
import { itemOf } from './pack.ts';
import {
  dirtyPartition,
  dueJobsPartition,
  itemKeyOf,
  jobRowKey,
  jobsPlace,
  lanesPartition,
  type Row,
  refusedPlace,
  runnersPartition,
  runnersPlace,
  shards,
  sparesPlace,
} from './schema.ts';

/** One page, or two: a megabyte. */
const lanesReadMax = 2_000;

export function createLookUps(access: Access, hostRows: (host: HostName) => Promise<HostRows>) {
  /** As many as are asked for, if there are: pages go on while items were left out. */
  async function items<Item>(
    look: Look & { limit: number },
    of: (row: Row) => Item,
    isIn: (row: Row) => boolean,
  ): Promise<Item[]> {
    const found: Item[] = [];
    for await (const keys of access.pages(look)) {
      const rows = keys.length === 0 ? [] : await access.batchGet(keys);
      found.push(...rows.filter(isIn).map(of));
      if (found.length >= look.limit) break;
    }
    return found.slice(0, look.limit);
  }

  const inPlace = <Item>(
    place: string,
    of: (row: Row) => Item,
    limit: number,
    after: JobKey | null = null,
  ): Promise<Item[]> =>
    items(
      { index: 'place', pk: place, limit, ...(after !== null && { range: { after } }) },
      of,
      (row) => row.place === place,
    );

  /** The first of all shards, by the number that they are sorted by. */
  async function firstOf(looks: readonly Look[], at: (row: Row) => EpochMs, limit: number): Promise<Row[]> {
    const rows = (await Promise.all(looks.map((look) => access.query({ ...look, limit })))).flat();
    return rows.sort((a, b) => at(a) - at(b) || (nameOf(a) < nameOf(b) ? -1 : 1)).slice(0, limit);
  }

  const due = (partitions: readonly string[], now: EpochMs, limit: number) =>
    firstOf(
      partitions.map((pk) => ({ index: 'due', pk, range: { upTo: now } }) as const),
      (row) => row.dueAt ?? 0,
      limit,
    );

  return {
    jobsOfLane: (lane: LaneKey, jobClass: JobClass, limit: number) =>
      inPlace(jobsPlace(lane, jobClass), jobOf, limit),

    jobsRefused: (after: JobKey | null, limit: number) => inPlace(refusedPlace, jobOf, limit, after),

    jobsCounted: (host: HostName, after: JobKey | null, limit: number) =>
      items(
        {
          index: 'counted',
          pk: host,
          limit,
          ...(after !== null && { range: { after: jobRowKey(after).pk } }),
        },
        jobOf,
        (row) => row.counted === host,
      ),

    runnersOfLane: (host: HostName, lane: LaneKey, runnerClass: RunnerClass, limit: number) =>
      inPlace(runnersPlace(host, lane, runnerClass), runnerOf, limit),

    runnersStandingBy: (host: HostName, pool: PoolName, limit: number) =>
      inPlace(sparesPlace(host, pool), runnerOf, limit),

    async lanesWaiting(host: HostName, limit: number): Promise<Lane[]> {
      const rows = await access.query({ pk: lanesPartition(host), limit: lanesReadMax });
      return waitingLanes(rows.map(itemOf<Lane>), limit);
    },

    async uncounted(host: HostName, before: EpochMs, limit: number): Promise<ItemKey[]> {
      const [{ ledger, controls }, dirty] = await Promise.all([
        hostRows(host),
        firstOf(
          shards.map((shard) => ({
            index: 'dirty',
            pk: dirtyPartition(host, shard),
            range: { before },
          })),
          (row) => row.dirtyAt ?? 0,
          limit,
        ),
      ]);
      const items = dirty.flatMap((row) => {
        const item = itemKeyOf(row);
        return item === null ? [] : [{ item, since: row.dirtyAt ?? 0 }];
      });
      return [...controlsUncounted(controls, ledger, before), ...items]
        .sort((a, b) => a.since - b.since)
        .slice(0, limit)
        .map(({ item }) => item);
    },

    dueRunners: async (host: HostName, now: EpochMs, limit: number): Promise<RunnerName[]> =>
      (
        await due(
          shards.map((shard) => runnersPartition(host, shard)),
          now,
          limit,
        )
      ).map(({ sk }) => sk as RunnerName),

    dueJobs: async (now: EpochMs, limit: number): Promise<JobKey[]> =>
      (await due(shards.map(dueJobsPartition), now, limit)).flatMap((row) => {
        const item = itemKeyOf(row);
        return item?.kind === 'job' ? [item.key] : [];
      }),
  };
}

/** Of a job its key, of a runner its name. */
function nameOf({ pk, sk }: Row): string {
  return sk === 'J' ? pk : sk;
}
