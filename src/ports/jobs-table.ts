// The only truth: jobs, runners, one ledger per host with its lanes. In the domain's words, so that each adapter can
// keep it its own way; what a fact means, and which may be, is decided by the core's `mergeJob` and `mergeRunner`.

import type { Commit } from '../core/commit.ts';
import type { DeploymentPrefix, HostName, JobKey, LaneKey, PoolName, RunnerName } from '../core/ids.ts';
import type { Job, JobClass, JobFact } from '../core/job.ts';
import type { Control, Lane, Ledger } from '../core/ledger.ts';
import type { Runner, RunnerClass, RunnerFact } from '../core/runner.ts';
import type { EpochMs } from './clock.ts';

/** One item that changed and is not counted yet. */
export type ItemKey =
  /** With what it named when it changed: a hint for whoever reads it, to read that too. A table may leave it out. */
  | { kind: 'job'; key: JobKey; lane?: LaneKey | undefined; runner?: RunnerName | undefined }
  | { kind: 'runner'; name: RunnerName }
  | { kind: 'control'; pool: PoolName };

/** What the table's stream tells the Messenger: a count changed, at this host. */
export interface Change {
  host: HostName;
  item: ItemKey;
}

export type JobRecorded = { outcome: 'recorded'; job: Job } | { outcome: 'unchanged'; job: Job | null };

export type RunnerRecorded =
  | { outcome: 'recorded'; runner: Runner }
  | { outcome: 'unchanged'; runner: Runner }
  /** The core's rules say no; `why` is for people. Nothing was written. */
  | { outcome: 'refused'; runner: Runner; why: string }
  | { outcome: 'unknown' };

export type Committed =
  | { outcome: 'committed' }
  /** Another Publisher was faster: load again, decide again. */
  | { outcome: 'lost' }
  /** These items have changed since they were read; nothing was written. */
  | { outcome: 'conflict'; items: readonly ItemKey[] };

/** What a plan wants to know, all read strongly and at one version of the ledger at least. */
export interface BooksRequest {
  items: readonly ItemKey[];
  /** So many lanes of each pool from the queue for places. */
  queueMax: number;
  /** So many lanes from the list of times (surplus, back-off), earliest first. */
  timedMax: number;
  pools: readonly PoolName[];
}

export interface Books {
  /** `null` before the first commit. */
  ledger: Ledger | null;
  controls: readonly Control[];
  /** Those asked for, in that order, then those that the runners below name (`forJob`, `job`). */
  jobs: readonly Job[];
  /** Those asked for, in that order, then those of this host that the jobs asked for name (`runner`). */
  runners: readonly Runner[];
  /** Of all the jobs and runners above. */
  lanes: readonly Lane[];
  queue: readonly Lane[];
  timed: readonly Lane[];
}

/** Everything of a host that is counted, at one version: for a recount. */
export interface Census {
  version: number;
  ledger: Ledger | null;
  controls: readonly Control[];
  lanes: readonly Lane[];
  /** All that are not gone, and gone ones that are still counted. */
  runners: readonly Runner[];
  /** Jobs by lane and class, where the table can count them strongly; `null` where only an index could tell. */
  jobs: ReadonlyMap<LaneKey, Record<JobClass, number>> | null;
}

/** Something to look at regularly, with the time of the next look. Made and moved by whoever knows; never a truth. */
export interface Sweep {
  kind:
    | 'runnerList'
    | 'hostList'
    | 'deliveries'
    | 'queuedJobs'
    | 'repositories'
    | 'recount'
    | 'reroute'
    | 'hookAddresses';
  /** What is looked at: a scope's name, a host's, a repository's, an installation's id. */
  subject: string;
  nextAt: EpochMs;
  lastAt: EpochMs | null;
  /** When something last happened there: what is active is looked at more often. */
  touchedAt: EpochMs;
  /** What the look needs, and where the last one stopped: small plain data. */
  state: unknown;
}

export interface Deployment {
  prefix: DeploymentPrefix;
  /** Key of the claims' tokens: 32 bytes, base64. */
  claimKey: string;
}

/**
 * What every adapter keeps:
 * - `recordJob` / `recordRunner`: read, merge by the core, write on the item's version, again on a conflict: facts of
 *   concurrent writers are never lost. Several facts are merged in order, all or (one refused) nothing.
 * - An item whose `dirty` moved by a fact is told to the stream, at least once, after it is durable.
 *   What a commit writes is not told, except an item whose `dirty` it hands on to another host.
 * - Every write adds one to the item's `version`; a commit is void unless each item has the version it was read with,
 *   and new runners are new. All or nothing.
 * - A commit of more than `commitItemsMax` items is refused with an error.
 * - `readJob`, `readRunner`, `books`, `census` are strongly consistent. The other look-ups go by indexes that may lag:
 *   whoever uses them reads the item again before it decides. Those of a lane and of a pool's spares give each item as
 *   it is, read strongly; only which ones there are may lag, so that one may have left its place by now.
 */
export interface JobsTable {
  deployment(make: () => Deployment): Promise<Deployment>;

  recordJob(key: JobKey, facts: readonly JobFact[], at: EpochMs): Promise<JobRecorded>;
  /** `known`: as it was written when the caller was told of it; a guess, which saves a table a read. */
  recordRunner(
    name: RunnerName,
    facts: readonly RunnerFact[],
    at: EpochMs,
    known?: Runner,
  ): Promise<RunnerRecorded>;
  recordControl(control: Control, at: EpochMs): Promise<void>;
  readJob(key: JobKey): Promise<Job | null>;
  readRunner(name: RunnerName): Promise<Runner | null>;
  readLane(host: HostName, key: LaneKey): Promise<Lane | null>;
  readLedger(host: HostName): Promise<Ledger | null>;

  books(host: HostName, request: BooksRequest): Promise<Books>;
  census(host: HostName): Promise<Census>;
  commit(commit: Commit): Promise<Committed>;

  /** Counted so, oldest first by GitHub's time. May lag. */
  jobsOfLane(lane: LaneKey, jobClass: JobClass, limit: number): Promise<Job[]>;
  /** Queued jobs that have no lane, by key after `after`. May lag. */
  jobsRefused(after: JobKey | null, limit: number): Promise<Job[]>;
  /** Counted jobs of a host in lanes, by key after `after`: for routing them again. May lag. */
  jobsCounted(host: HostName, after: JobKey | null, limit: number): Promise<Job[]>;
  /** Counted so: unmarked first, then the longest online, then the rest. May lag. */
  runnersOfLane(host: HostName, lane: LaneKey, runnerClass: RunnerClass, limit: number): Promise<Runner[]>;
  /** Counted as standing by, those ready to be activated (`standby`, not removing) first. May lag. */
  runnersStandingBy(host: HostName, pool: PoolName, limit: number): Promise<Runner[]>;
  /** All of the host that are not gone. May lag. */
  runnersOfHost(host: HostName): Promise<Runner[]>;

  /**
   * Lanes in which jobs wait or are held, those first whose oldest job may be the oldest. May lag. Where a host has
   * thousands of lanes, some may be left out: for measuring, and for nothing that decides.
   */
  lanesWaiting(host: HostName, limit: number): Promise<Lane[]>;

  /** Not counted since before `before`, oldest first; controls too, until the ledger has their values. May lag. */
  uncounted(host: HostName, before: EpochMs, limit: number): Promise<ItemKey[]>;
  /** Items whose deadline is not after `now`, earliest first. Deadlines are computed by the core at each write. May lag. */
  dueRunners(host: HostName, now: EpochMs, limit: number): Promise<RunnerName[]>;
  dueJobs(now: EpochMs, limit: number): Promise<JobKey[]>;

  /** Makes the sweep, or moves its next look earlier: `nextAt` only ever becomes smaller by this, `touchedAt` greater; its state stays. */
  sweepSoon(sweep: Sweep): Promise<void>;
  /** After a look: writes it as given, but for a later `touchedAt`, which stays. */
  sweepDone(sweep: Sweep): Promise<void>;
  sweepsDue(now: EpochMs, limit: number): Promise<Sweep[]>;
  readSweep(kind: Sweep['kind'], subject: string): Promise<Sweep | null>;

  /** Ended jobs and runners from before `before` go, at most `limit` of them; answers how many went. */
  purge(before: EpochMs, limit: number): Promise<number>;
}

/** Due times of runners need the pool's and the host's times: handed to every adapter when it is made. */
export interface Deadlines {
  ofRunner(runner: Runner): EpochMs | null;
  ofJob(job: Job): EpochMs | null;
}
