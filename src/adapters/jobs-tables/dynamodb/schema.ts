// One table, on demand, with a stream of new and old images. Every access is by key, or a Query of one partition:
// nothing is ever scanned, and nothing grows with what ended.
//
//   what        pk                    sk           beside `item` (the whole thing, packed) and `version`
//   job         J#<github>#<id>       J            dirty change dirtyAt | due dueAt | place placeAt | counted | expires
//   runner      R#<host>#<0..3>       <name>       dirty change dirtyAt | due dueAt | place placeAt | alive | expires
//   ledger      H#<host>              L            near: which lanes stand in the two indexes below, while they are few
//   controls    H#<host>              C            dirty change (for the stream alone)
//   lane        A#<host>              <lane>       queue | timed
//   sweep       S#<kind>#<subject>    S            due dueAt
//   deployment  D                     D            -
//   budget      B#<kind>#<account>    B            (adapters/budgets/dynamodb)
//   offer       O                     <offer>      expires (adapters/offers/dynamodb)
//
// Jobs and runners have beside these `late`, facts added without a read, with their guards (late.ts); `lane` and
// `runner`, hints for whoever hears of the change; `calm`, of a change that may wait a moment (changes.ts).
//
// Indexes are sparse: an item stands in one only while it has its attributes. All hold keys alone, so that a write
// that moves nothing costs no index a write; what a look-up answers with is read from the table, strongly.
//
//   local index  sort key  of                                     why local: it is read strongly
//   queue        queue     <pool>#<alive>#<oldestAt>#<lane>       the queue for places decides what is ordered
//   timed        timed     <at>#<lane>                            surplus and back-off
//   alive        alive     runners not gone, or still counted     a census reads the living, never the history
//
//   global index  pk                              sk                      may lag: whoever looks reads the item again
//   dirty         <host>#<0..3>                   since                   what was never counted
//   due           R#<host>#<0..3> | J#<0..3> | S  deadline                what somebody has to see to
//   place         <class> <lane>, refused         <age>#<key>             jobs and runners of a lane; spares of a pool
//   counted       <host>                          pk, so the job's key    jobs to be routed again
//
// Where many writes meet, a partition's 1,000 write units a second are spread over four shards; lanes are not, since
// their queue has to be in order. A local index keeps a partition below 10 GB: four shards hold tens of millions of
// runners of one host, which stay for eight days after their end; lanes are as many as there are scopes.
//
// Sizes, as packed (pack.ts), with keys and index attributes: a job 0.6 KB when it is queued and 0.8 KB when it has
// ended, a runner 0.6-0.8 KB, a lane 0.5 KB, a ledger 0.3 KB of one pool and 0.6 KB of fifty. So a write is one unit, one
// within a commit two, and each index entry that comes, goes or moves one more. Bounds: 4 KB for a ledger, 40 KB for
// anything else.
//
// Calls: a first `queued`, or its duplicate, is one put without a read; that a job began or ended, a first claim, a
// note, and that a machine is gone are one update without a read; another fact is one read and one put, or one put on
// what this process saw last or was told. Reads, and puts, of one moment are one request together (together.ts). A
// commit is one transaction; books are one batch of gets where it is known what its items name, two where not, and two
// queries only where more lanes wait than the ledger names, whatever waits. wire.slow.test.ts counts them, with their
// units; all calls of a job are counted in src/deployments/aws/calls-per-job.test.ts.

import type { HostName, JobKey, LaneKey, PoolName, RunnerName } from '../../../core/ids.ts';
import { parseRunnerName } from '../../../core/ids.ts';
import type { JobClass } from '../../../core/job.ts';
import type { RunnerClass } from '../../../core/runner.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { ItemKey, Sweep } from '../../../ports/jobs-table.ts';

/** For whoever makes the table: the attributes that keys are made of, and the indexes. */
export const tableSchema = {
  key: ['pk', 'sk'],
  /** The name of each local index is that of its sort key; the partition key is the table's. */
  localIndexes: ['queue', 'timed', 'alive'],
  globalIndexes: {
    dirty: ['dirty', 'dirtyAt'],
    due: ['due', 'dueAt'],
    place: ['place', 'placeAt'],
    counted: ['counted', 'pk'],
  },
  /** All other key attributes are strings. */
  numbers: ['dirtyAt', 'dueAt'],
  timeToLive: 'expires',
} as const;

export type LocalIndex = (typeof tableSchema.localIndexes)[number];
export type GlobalIndex = keyof typeof tableSchema.globalIndexes;

export interface RowKey {
  pk: string;
  sk: string;
}

/** An item as it is stored. What is `undefined` is not written. */
export interface Row extends RowKey {
  item: string | Uint8Array;
  version: number;
  /** By which write it came here: tells a write whose answer was lost from one that was refused. */
  wrote?: string;

  dirty?: string | undefined;
  /** Moves with each change that has to be counted, so that the stream can tell it from other writes. */
  change?: string | number | undefined;
  dirtyAt?: number | undefined;
  due?: string | undefined;
  dueAt?: number | undefined;
  place?: string | undefined;
  placeAt?: string | undefined;
  counted?: string | undefined;
  queue?: string | undefined;
  timed?: string | undefined;
  alive?: string | undefined;
  /** Facts added since the item was packed (late.ts), and what they are added on. */
  late?: readonly string[] | undefined;
  phase?: string | undefined;
  /** A job's, as hints for the stream: its lane, and the runner that took it, or was ordered for it last. */
  lane?: string | undefined;
  runner?: string | undefined;
  home?: string | undefined;
  /** There where the trace of the job is kept. */
  traced?: string | undefined;
  installation?: number | undefined;
  claimable?: string | undefined;
  endable?: string | undefined;
  /** There where a change that is not counted yet can wait for a moment. */
  calm?: string | undefined;
  /** A ledger's: the lanes in the queue for places or in the list of times, while they are few. */
  near?: readonly string[] | undefined;
  /** In seconds, as DynamoDB wants it. */
  expires?: number | undefined;
}

/** Shards of what many write: 4,000 write units a second. */
export const shards = ['0', '1', '2', '3'] as const;
type Shard = (typeof shards)[number];

// ---- Keys of items

export function jobRowKey(key: JobKey): RowKey {
  return { pk: `J#${key}`, sk: 'J' };
}

/** `null` for a name that none of our runners has. */
export function runnerRowKey(name: RunnerName): RowKey | null {
  const host = parseRunnerName(name)?.host;
  return host === undefined ? null : { pk: runnersPartition(host, shardOf(name)), sk: name };
}

export function ledgerRowKey(host: HostName): RowKey {
  return { pk: `H#${host}`, sk: 'L' };
}

/** All of a host, which an operator changes now and then, and every plan reads. */
export function controlsRowKey(host: HostName): RowKey {
  return { pk: `H#${host}`, sk: 'C' };
}

export function laneRowKey(host: HostName, lane: LaneKey): RowKey {
  return { pk: lanesPartition(host), sk: lane };
}

export function sweepRowKey(kind: Sweep['kind'], subject: string): RowKey {
  return { pk: `S#${kind}#${subject}`, sk: 'S' };
}

export const deploymentRowKey: RowKey = { pk: 'D', sk: 'D' };

export function lanesPartition(host: HostName): string {
  return `A#${host}`;
}

export function runnersPartition(host: HostName, shard: Shard): string {
  return `R#${host}#${shard}`;
}

/**
 * What was written, if it is something that has to be counted when it changes. Of the controls, `change` tells which
 * one it was: names of pools have no `#`.
 */
export function itemKeyOf({
  pk,
  sk,
  change = '',
  lane,
  runner,
}: Pick<Row, 'pk' | 'sk' | 'change' | 'lane' | 'runner'>): ItemKey | null {
  switch (pk.slice(0, 2)) {
    case 'J#':
      return {
        kind: 'job',
        key: pk.slice(2) as JobKey,
        ...(lane !== undefined && { lane: lane as LaneKey }),
        // GitHub names strangers' runners too.
        ...(runner !== undefined && parseRunnerName(runner) !== null && { runner: runner as RunnerName }),
      };
    case 'R#':
      return { kind: 'runner', name: sk as RunnerName };
    case 'H#':
      return sk === 'C' ? { kind: 'control', pool: String(change).split('#')[0] as PoolName } : null;
    default:
      return null;
  }
}

// ---- Keys of indexes

export function dirtyPartition(host: HostName, shard: Shard): string {
  return `${host}#${shard}`;
}

export function hostOfDirty(dirty: string): HostName {
  return dirty.slice(0, dirty.lastIndexOf('#')) as HostName;
}

export function dueJobsPartition(shard: Shard): string {
  return `J#${shard}`;
}

export const dueSweepsPartition = 'S';

/** A lane's key may hold anything, so it comes last. */
export function jobsPlace(lane: LaneKey, jobClass: JobClass): string {
  return `J#${jobClass}#${lane}`;
}

export function runnersPlace(host: HostName, lane: LaneKey, runnerClass: RunnerClass): string {
  return `R#${host}#${runnerClass}#${lane}`;
}

export function sparesPlace(host: HostName, pool: PoolName): string {
  return `P#${host}#${pool}`;
}

export const refusedPlace = 'refused';

export function queuePrefix(pool: PoolName): string {
  return `${pool}#`;
}

export function queueKeyOf(pool: PoolName, alive: number, oldestAt: EpochMs, lane: LaneKey): string {
  return `${queuePrefix(pool)}${String(alive).padStart(6, '0')}#${sortable(oldestAt)}#${lane}`;
}

export function timedKeyOf(at: EpochMs, lane: LaneKey): string {
  return `${sortable(at)}#${lane}`;
}

/** Digits that sort as times do: microseconds, since a time may be a fraction of a millisecond. */
export function sortable(at: EpochMs): string {
  const us = Math.round(at * 1_000);
  if (Number.isSafeInteger(us) && us >= 0) return String(us).padStart(16, '0');
  throw new RangeError(`a time of ${at} ms since 1970: allowed is any from 1970 to the year 2255`);
}

/** FNV-1a: spreads names evenly, the same in every process. */
export function shardOf(text: string): Shard {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return shards[((hash >>> 24) ^ hash) & 3] ?? '0';
}
