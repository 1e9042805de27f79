// The jobs table in memory: for tests and the simulator. Items are plain objects that are never changed, only
// replaced, so the stored ones are handed out as they are.

import type { Commit } from '../../../core/commit.ts';
import type { HostName, JobKey, RunnerName } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import type { Control, Lane, Ledger } from '../../../core/ledger.ts';
import type { Runner } from '../../../core/runner.ts';
import type { Clock } from '../../../ports/clock.ts';
import type {
  Books,
  BooksRequest,
  Change,
  Committed,
  Deadlines,
  Deployment,
  ItemKey,
  JobsTable,
  Sweep,
} from '../../../ports/jobs-table.ts';
import { jobsNamed, lanesNamed, runnersNamed } from '../named.ts';
import { jobPlaces, runnerPlaces } from '../places.ts';
import {
  assertCommit,
  controlsUncounted,
  hostHandedTo,
  hostToTell,
  mergeJobFacts,
  mergeRunnerFacts,
} from '../record.ts';
import { looked, sooner } from '../sweep.ts';
import { waitingLanes } from '../waiting-lanes.ts';
import { deepFreeze } from './deep-freeze.ts';
import { createIndexes, type LaggingIndex, laneId } from './indexes.ts';

export interface MemoryJobsTableOptions {
  deadlines: Deadlines;
  /** The table's stream. It is called right after the write, and must not throw. */
  onChanges: (changes: Change[]) => void;
  /** For `indexLag`. */
  clock?: Clock;
  /** How long an index that may lag lags behind the next write. Without it, none lags. */
  indexLag?: (index: LaggingIndex) => number;
  /** Whether this commit meets another transaction, as it may in DynamoDB: void, and no item is to blame. */
  conflicts?: () => boolean;
  /** Whether stored items are frozen, so that a test finds whoever changes one. */
  freeze?: boolean;
}

export function createMemoryJobsTable(options: MemoryJobsTableOptions): JobsTable {
  const { deadlines, onChanges, conflicts = () => false, freeze = false } = options;
  const jobs = new Map<JobKey, Job>();
  const runners = new Map<RunnerName, Runner>();
  const lanes = new Map<string, Lane>();
  const ledgers = new Map<HostName, Ledger>();
  const controls = new Map<HostName, Map<string, { control: Control; recordedAt: number }>>();
  const sweeps = new Map<string, Sweep>();
  const indexes = createIndexes(lagOf(options));
  let deployment: Deployment | null = null;

  const keep = freeze ? deepFreeze : <T>(item: T) => item;

  // ---- Writing one item

  function putJob(job: Job): void {
    const before = jobs.get(job.key);
    jobs.set(job.key, keep(job));
    indexes.putJob(before ?? null, job, jobPlaces(job, deadlines));
  }

  function putRunner(runner: Runner): void {
    runners.set(runner.name, keep(runner));
    indexes.putRunner(runner, runnerPlaces(runner, deadlines));
  }

  function putLane(lane: Lane): void {
    lanes.set(laneId(lane.host, lane.key), keep(lane));
    indexes.putLane(lane);
  }

  function deleteLane(lane: Lane): void {
    lanes.delete(laneId(lane.host, lane.key));
    indexes.deleteLane(lane);
  }

  function putSweep(sweep: Sweep): void {
    sweeps.set(sweepId(sweep.kind, sweep.subject), keep(sweep));
    indexes.putSweep(sweep);
  }

  function tell(host: HostName | null, item: ItemKey): void {
    if (host !== null) onChanges([{ host, item }]);
  }

  // ---- Commits

  function changedItems(commit: Commit): ItemKey[] {
    const changed: ItemKey[] = [];
    for (const { key, version } of commit.jobs)
      if (jobs.get(key)?.version !== version) changed.push({ kind: 'job', key });
    for (const { name, version } of commit.runners)
      if (runners.get(name)?.version !== version) changed.push({ kind: 'runner', name });
    for (const { name } of commit.runnersNew) if (runners.has(name)) changed.push({ kind: 'runner', name });
    return changed;
  }

  function write(commit: Commit): void {
    ledgers.set(commit.host, keep(commit.ledger));
    for (const lane of commit.lanes) putLane(lane);
    for (const lane of commit.lanesEmptied) deleteLane(lane);
    for (const job of commit.jobs) putJob({ ...job, version: job.version + 1 });
    for (const runner of [...commit.runners, ...commit.runnersNew])
      putRunner({ ...runner, version: runner.version + 1 });
  }

  function commit(given: Commit): Committed {
    assertCommit(given);
    if ((ledgers.get(given.host)?.version ?? 0) !== given.version) return { outcome: 'lost' };
    if (conflicts()) return { outcome: 'conflict', items: [] };
    const changed = changedItems(given);
    if (changed.length > 0) return { outcome: 'conflict', items: changed };
    write(given);
    for (const job of given.jobs) tell(hostHandedTo(job, given), { kind: 'job', key: job.key });
    for (const runner of [...given.runners, ...given.runnersNew])
      tell(hostHandedTo(runner, given), { kind: 'runner', name: runner.name });
    return { outcome: 'committed' };
  }

  // ---- Books

  function books(host: HostName, { items, pools, queueMax, timedMax }: BooksRequest): Books {
    const jobKeys = new Set(items.flatMap((item) => (item.kind === 'job' ? [item.key] : [])));
    const runnerNames = new Set(items.flatMap((item) => (item.kind === 'runner' ? [item.name] : [])));
    const jobsAsked = allOf(jobs, jobKeys);
    const runnersAsked = allOf(runners, runnerNames);
    const runnersBeside = allOf(runners, runnersNamed(jobsAsked, runnerNames));
    const runnersFound = [...runnersAsked, ...runnersBeside.filter((runner) => runner.host === host)];
    const jobsFound = [...jobsAsked, ...allOf(jobs, jobsNamed(runnersFound, jobKeys))];
    const laneIds = [...lanesNamed(host, jobsFound, runnersFound)].map((key) => laneId(host, key));
    return {
      ledger: ledgers.get(host) ?? null,
      controls: controlsOf(host),
      jobs: jobsFound,
      runners: runnersFound,
      lanes: allOf(lanes, laneIds),
      queue: pools.flatMap((pool) => indexes.queue(host, pool, queueMax)),
      timed: indexes.timed(host, timedMax),
    };
  }

  function controlsOf(host: HostName): Control[] {
    return [...(controls.get(host)?.values() ?? [])].map(({ control }) => control);
  }

  return {
    async deployment(make) {
      deployment ??= make();
      return deployment;
    },

    async recordJob(key, facts, at) {
      const before = jobs.get(key) ?? null;
      const job = mergeJobFacts(before, facts, at);
      if (job === null) return { outcome: 'unchanged', job: before };
      putJob(job);
      tell(hostToTell(before?.dirty ?? null, job.dirty), { kind: 'job', key });
      return { outcome: 'recorded', job };
    },

    async recordRunner(name, facts, at) {
      const before = runners.get(name);
      if (before === undefined) return { outcome: 'unknown' };
      const merge = mergeRunnerFacts(before, facts, at);
      if (merge.outcome === 'unchanged') return { outcome: 'unchanged', runner: before };
      if (merge.outcome === 'refused') return { outcome: 'refused', runner: before, why: merge.why };
      putRunner(merge.runner);
      tell(hostToTell(before.dirty, merge.runner.dirty), { kind: 'runner', name });
      return { outcome: 'recorded', runner: merge.runner };
    },

    async recordControl(control, at) {
      const ofHost = controls.get(control.host) ?? new Map();
      controls.set(control.host, ofHost.set(control.pool, { control: keep(control), recordedAt: at }));
      tell(control.host, { kind: 'control', pool: control.pool });
    },

    readJob: async (key) => jobs.get(key) ?? null,
    readRunner: async (name) => runners.get(name) ?? null,
    readLane: async (host, key) => lanes.get(laneId(host, key)) ?? null,
    readLedger: async (host) => ledgers.get(host) ?? null,
    books: async (host, request) => books(host, request),

    async census(host) {
      const ledger = ledgers.get(host) ?? null;
      return {
        version: ledger?.version ?? 0,
        ledger,
        controls: controlsOf(host),
        lanes: [...lanes.values()].filter((lane) => lane.host === host),
        runners: indexes.census(host),
        jobs: indexes.jobsByLane(host),
      };
    },

    commit: async (given) => commit(given),

    // Only the index lags: the items are read as they are.
    jobsOfLane: async (lane, jobClass, limit) =>
      indexes.jobsOfLane(lane, jobClass, limit).flatMap(({ key }) => jobs.get(key) ?? []),
    jobsRefused: async (after, limit) => indexes.jobsRefused(after, limit),
    jobsCounted: async (host, after, limit) => indexes.jobsCounted(host, after, limit),
    runnersOfLane: async (host, lane, runnerClass, limit) =>
      indexes.runnersOfLane(host, lane, runnerClass, limit).flatMap(({ name }) => runners.get(name) ?? []),
    runnersStandingBy: async (host, pool, limit) =>
      indexes.runnersStandingBy(host, pool, limit).flatMap(({ name }) => runners.get(name) ?? []),
    runnersOfHost: async (host) => indexes.runnersOfHost(host),
    lanesWaiting: async (host, limit) =>
      waitingLanes(
        [...lanes.values()].filter((lane) => lane.host === host),
        limit,
      ),

    async uncounted(host, before, limit) {
      const ofHost = [...(controls.get(host)?.values() ?? [])];
      const found = [
        ...controlsUncounted(ofHost, ledgers.get(host) ?? null, before),
        ...indexes.uncounted(host, before, limit),
      ];
      return found
        .sort((a, b) => a.since - b.since)
        .slice(0, limit)
        .map(({ item }) => item);
    },

    dueRunners: async (host, now, limit) => indexes.dueRunners(host, now, limit),
    dueJobs: async (now, limit) => indexes.dueJobs(now, limit),

    async sweepSoon(sweep) {
      const next = sooner(sweeps.get(sweepId(sweep.kind, sweep.subject)) ?? null, sweep);
      if (next !== null) putSweep(next);
    },

    async sweepDone(sweep) {
      putSweep(looked(sweeps.get(sweepId(sweep.kind, sweep.subject)) ?? null, sweep));
    },

    sweepsDue: async (now, limit) => indexes.sweepsDue(now, limit),
    readSweep: async (kind, subject) => sweeps.get(sweepId(kind, subject)) ?? null,

    async purge(before, limit) {
      const jobsEnded = indexes.jobsEnded(before, limit);
      const runnersEnded = indexes.runnersEnded(before, limit - jobsEnded.length);
      for (const job of jobsEnded) {
        jobs.delete(job.key);
        indexes.deleteJob(job);
      }
      for (const runner of runnersEnded) {
        runners.delete(runner.name);
        indexes.deleteRunner(runner);
      }
      return jobsEnded.length + runnersEnded.length;
    },
  };
}

/** Those that there are. */
function allOf<Key, Item>(items: ReadonlyMap<Key, Item>, keys: Iterable<Key>): Item[] {
  const found: Item[] = [];
  for (const key of keys) {
    const item = items.get(key);
    if (item !== undefined) found.push(item);
  }
  return found;
}

function lagOf({ clock, indexLag }: MemoryJobsTableOptions) {
  if (indexLag === undefined) return null;
  if (clock === undefined) throw new TypeError('indexLag was given without a clock: give the clock too');
  return { clock, ms: indexLag };
}

function sweepId(kind: Sweep['kind'], subject: string): string {
  return `${kind} ${subject}`;
}
