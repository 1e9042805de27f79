// What decides, read strongly. The ledger comes first: what is read after it is at its version at least, and where
// another Publisher commits in between, a commit on the version that was read is lost.

import type { HostName, JobKey, LaneKey, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Lane, Ledger } from '../../../core/ledger.ts';
import type { Runner } from '../../../core/runner.ts';
import type { Books, BooksRequest, Census } from '../../../ports/jobs-table.ts';
import { jobsNamed, lanesNamed, runnersNamed } from '../named.ts';
import { type Access, rowId } from './access.ts';
import type { LanesRead } from './lanes-read.ts';
import { jobOf, runnerOf } from './late.ts';
import { itemOf } from './pack.ts';
import type { ControlRecorded } from './rows.ts';
import {
  controlsRowKey,
  jobRowKey,
  laneRowKey,
  lanesPartition,
  ledgerRowKey,
  queuePrefix,
  type Row,
  type RowKey,
  runnerRowKey,
  runnersPartition,
  shards,
} from './schema.ts';

export interface HostRows {
  ledger: Ledger | null;
  controls: readonly ControlRecorded[];
}

export function createBooks(access: Access, lanesRead: LanesRead) {
  async function hostRows(
    host: HostName,
    shelf = createShelf(access),
    also: RowKey[] = [],
  ): Promise<HostRows> {
    const keys = [ledgerRowKey(host), controlsRowKey(host)] as const;
    await shelf.fetch([...keys, ...also]);
    const [ledger = null] = shelf.find([keys[0]], itemOf<Ledger>);
    const [controls = []] = shelf.find([keys[1]], itemOf<ControlRecorded[]>);
    lanesRead.begin(host, shelf.row(keys[0]));
    return { ledger, controls };
  }

  async function books(host: HostName, request: BooksRequest): Promise<Books> {
    const shelf = createShelf(access);
    const jobKeys = new Set(request.items.flatMap((item) => (item.kind === 'job' ? [item.key] : [])));
    const names = new Set(request.items.flatMap((item) => (item.kind === 'runner' ? [item.name] : [])));
    // Items and lanes may be read beside the ledger, since a commit is on their own versions too.
    const asked = [...jobRows(jobKeys), ...runnerRows(names)];
    const { ledger, controls } = await hostRows(host, shelf, [
      ...asked,
      ...likelyBeside(host, request, asked),
    ]);
    const { queue, timed } = await placesOf(host, request, shelf);
    const jobsAsked = shelf.find(jobRows(jobKeys), jobOf);
    const runnersAsked = shelf.find(runnerRows(names), runnerOf);

    // What those name, then what only these have named: the second is hardly ever anything new.
    const beside = runnersNamed(jobsAsked, names);
    await shelf.fetch([
      ...queue,
      ...timed,
      ...runnerRows(beside),
      ...jobRows(jobsNamed(runnersAsked, jobKeys)),
      ...laneRows(host, lanesNamed(host, jobsAsked, runnersAsked)),
    ]);
    const ofHost = shelf.find(runnerRows(beside), runnerOf).filter((runner) => runner.host === host);
    const runners = [...runnersAsked, ...ofHost];
    const named = jobsNamed(runners, jobKeys);
    await shelf.fetch([
      ...jobRows(named),
      ...laneRows(host, lanesNamed(host, shelf.find(jobRows(named), jobOf), runners)),
    ]);
    const jobs = [...jobsAsked, ...shelf.find(jobRows(named), jobOf)];
    const lanes = laneRows(host, lanesNamed(host, jobs, runners));
    await shelf.fetch(lanes);
    lanesRead.note(host, shelf.versions([...queue, ...timed, ...lanes]));
    return {
      ledger,
      controls: controls.map(({ control }) => control),
      jobs,
      runners,
      lanes: shelf.find(lanes, itemOf<Lane>),
      queue: shelf.find(queue, itemOf<Lane>),
      timed: shelf.find(timed, itemOf<Lane>),
    };
  }

  /** What the items named when they were last seen, and the lanes that were worked on: a guess, which saves a call. */
  function likelyBeside(host: HostName, request: BooksRequest, asked: readonly RowKey[]): RowKey[] {
    const hints = request.items.flatMap((item) => (item.kind === 'job' ? item : []));
    const recent = asked.flatMap((key) => access.recent(key) ?? []);
    const jobs = recent.flatMap((row) => (row.sk === 'J' ? jobOf(row) : []));
    const names = new Set([
      ...hints.flatMap(({ runner }) => runner ?? []),
      ...runnersNamed(jobs, new Set()),
      // Most jobs run on the runner that was ordered for them.
      ...jobs.flatMap(({ lastOrder }) => lastOrder?.runner ?? []),
    ]);
    const runners = [...recent, ...runnerRows(names).flatMap((key) => access.recent(key) ?? [])].flatMap(
      (row) => (row.sk === 'J' ? [] : runnerOf(row)),
    );
    const lanes = new Set([
      ...hints.flatMap(({ lane }) => lane ?? []),
      ...lanesNamed(host, jobs, runners),
      ...(lanesRead.likely(host) as readonly LaneKey[]),
    ]);
    const named = [...laneRows(host, lanes), ...runnerRows(names), ...jobRows(jobsNamed(runners, new Set()))];
    return named.slice(0, Math.max(0, likelyMax - asked.length));
  }

  /** The lanes in the queue for places and in the list of times, where the plan asks for them. */
  async function placesOf(host: HostName, request: BooksRequest, shelf: Shelf) {
    const { pools, queueMax, timedMax } = request;
    const near = lanesRead.near(host);
    if (near !== undefined) {
      if (timedMax <= 0 && (queueMax <= 0 || pools.length === 0)) return { queue: [], timed: [] };
      const keys = laneRows(host, near as readonly LaneKey[]);
      await shelf.fetch(keys);
      const rows = keys.flatMap((key) => shelf.row(key) ?? []);
      const inQueue = rows.filter(({ queue }) => queue !== undefined).sort(by('queue'));
      const inList = rows.filter(({ timed }) => timed !== undefined).sort(by('timed'));
      const ofPool = (pool: PoolName) => inQueue.filter(({ queue }) => queue?.startsWith(queuePrefix(pool)));
      return {
        queue: pools.flatMap((pool) => ofPool(pool).slice(0, queueMax)),
        timed: inList.slice(0, timedMax),
      };
    }
    const [inQueue, timed] = await Promise.all([
      queueOf(host, pools, queueMax),
      access.query({ index: 'timed', pk: lanesPartition(host), limit: timedMax }),
    ]);
    if (inQueue.all !== null && timed.length < timedMax)
      lanesRead.nearAre(host, [...new Set([...inQueue.all, ...timed].map(({ sk }) => sk))]);
    return { queue: inQueue.queue, timed };
  }

  /**
   * Of each pool the first lanes. Mostly few lanes wait: then one query has them all, whatever the number of pools;
   * where it has not, each pool is asked. `all`: every lane in the queue, of any pool, where that is known.
   */
  async function queueOf(
    host: HostName,
    pools: readonly PoolName[],
    limit: number,
  ): Promise<{ queue: Row[]; all: Row[] | null }> {
    if (pools.length === 0 || limit <= 0) return { queue: [], all: null };
    const look = { index: 'queue', pk: lanesPartition(host) } as const;
    const first = await access.query({ ...look, limit: limit + 1 });
    const isOf = (pool: PoolName) => (row: Row) => row.queue?.startsWith(queuePrefix(pool)) ?? false;
    if (first.length <= limit)
      return { queue: pools.flatMap((pool) => first.filter(isOf(pool))), all: first };
    const [pool, ...others] = pools;
    if (pool !== undefined && others.length === 0 && first.every(isOf(pool)))
      return { queue: first.slice(0, limit), all: null };
    const ofPools = await Promise.all(
      pools.map((one) => access.query({ ...look, range: { startsWith: queuePrefix(one) }, limit })),
    );
    return { queue: ofPools.flat(), all: null };
  }

  async function census(host: HostName): Promise<Census> {
    const { ledger, controls } = await hostRows(host);
    const [lanes, runners] = await Promise.all([access.query({ pk: lanesPartition(host) }), aliveOf(host)]);
    return {
      version: ledger?.version ?? 0,
      ledger,
      controls: controls.map(({ control }) => control),
      lanes: lanes.map(itemOf<Lane>),
      runners,
      // Jobs are counted by a global index alone, which may lag.
      jobs: null,
    };
  }

  async function aliveOf(host: HostName): Promise<Runner[]> {
    const keys = await Promise.all(
      shards.map((shard) => access.query({ index: 'alive', pk: runnersPartition(host, shard) })),
    );
    return (await access.batchGet(keys.flat())).map(runnerOf);
  }

  const runnersOfHost = async (host: HostName): Promise<Runner[]> =>
    (await aliveOf(host)).filter(({ state }) => state !== 'gone');

  return { hostRows, books, census, runnersOfHost };
}

/** One batch takes a hundred: guesses fill what is left beside the ledger and the controls. */
const likelyMax = 98;

function by(name: 'queue' | 'timed') {
  return (a: Row, b: Row) => ((a[name] ?? '') < (b[name] ?? '') ? -1 : 1);
}

type Shelf = ReturnType<typeof createShelf>;

/** Rows that were read, so that none is read twice. */
function createShelf(access: Access) {
  const rows = new Map<string, Row | null>();

  function keep(found: readonly Row[]): void {
    for (const row of found) rows.set(rowId(row), row);
  }

  return {
    keep,

    /** One call for those that were not read yet; none where all were. */
    async fetch(keys: readonly RowKey[]): Promise<void> {
      const unread = keys.filter((key) => !rows.has(rowId(key)));
      if (unread.length === 0) return;
      for (const key of unread) rows.set(rowId(key), null);
      keep(await access.batchGet(unread));
    },

    row: (key: RowKey): Row | null => rows.get(rowId(key)) ?? null,

    /** Of all that were asked for; `null` where there is nothing. */
    versions: (keys: readonly RowKey[]): [sk: string, version: number | null][] =>
      keys.map((key) => [key.sk, rows.get(rowId(key))?.version ?? null]),

    /** Those that there are, in the order of `keys`. */
    find: <Item>(keys: readonly RowKey[], of: (row: Row) => Item): Item[] =>
      keys.flatMap((key) => {
        const row = rows.get(rowId(key));
        return row ? [of(row)] : [];
      }),
  };
}

function jobRows(keys: Iterable<JobKey>): RowKey[] {
  return [...keys].map(jobRowKey);
}

function runnerRows(names: Iterable<RunnerName>): RowKey[] {
  return [...names].flatMap((name) => runnerRowKey(name) ?? []);
}

function laneRows(host: HostName, lanes: Iterable<LaneKey>): RowKey[] {
  return [...lanes].map((lane) => laneRowKey(host, lane));
}
