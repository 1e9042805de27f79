// The jobs table in SQLite: one file, one process that writes it. Calls are synchronous, so each read sees one moment
// and each write decides and writes without anything in between; a promise resolves when its write is on disk.

import type { DatabaseSync } from 'node:sqlite';
import type { Commit } from '../../../core/commit.ts';
import type { HostName, JobKey, RunnerName } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import type { Runner } from '../../../core/runner.ts';
import type {
  Books,
  BooksRequest,
  Change,
  Committed,
  Deadlines,
  Deployment,
  ItemKey,
  JobRecorded,
  JobsTable,
  RunnerRecorded,
} from '../../../ports/jobs-table.ts';
import { jobsNamed, lanesNamed, runnersNamed } from '../named.ts';
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
import { openDatabase } from './database.ts';
import { createGroupCommit, type Decision } from './group-commit.ts';
import { createHostRows } from './host-rows.ts';
import { createJobRows } from './jobs.ts';
import { createRunnerRows } from './runners.ts';
import { migrate } from './schema.ts';
import { keyList, selectItem } from './statements.ts';
import { createSweepRows } from './sweeps.ts';

export interface SqliteJobsTableOptions {
  /** A file, or `:memory:`; or a database that is open already, and is left open. */
  database: string | DatabaseSync;
  deadlines: Deadlines;
  /** The table's stream. It is called after the disk has the changes, and must not throw. */
  onChanges: (changes: Change[]) => void;
}

export interface SqliteJobsTable extends JobsTable {
  /** Writes what is waiting, and closes the file. */
  close(): void;
}

export function createSqliteJobsTable(options: SqliteJobsTableOptions): SqliteJobsTable {
  const { deadlines, onChanges } = options;
  const database = typeof options.database === 'string' ? openDatabase(options.database) : options.database;
  migrate(database);
  const jobs = createJobRows(database, deadlines);
  const runners = createRunnerRows(database, deadlines);
  const hosts = createHostRows(database);
  const sweeps = createSweepRows(database);
  const snapshot = createSnapshot(database);
  const { run, close } = createGroupCommit(database, onChanges);
  const readDeployment = selectItem<Deployment>(database, 'SELECT item FROM deployment');
  const insertDeployment = database.prepare('INSERT INTO deployment (one, item) VALUES (1, ?)');

  // ---- Facts

  function recordJob(key: JobKey, merge: (job: Job | null) => Job | null): Decision<JobRecorded> {
    const row = jobs.row(key);
    const job = merge(row?.job ?? null);
    if (job === null) return { write: null, answer: { outcome: 'unchanged', job: row?.job ?? null } };
    const write = (): JobRecorded => {
      if (row === null) jobs.insert(job);
      else jobs.replace(row, job);
      return { outcome: 'recorded', job };
    };
    return { write, changes: changeOf(hostToTell(row?.job.dirty ?? null, job.dirty), { kind: 'job', key }) };
  }

  function recordRunner(
    name: RunnerName,
    merge: (runner: Runner) => ReturnType<typeof mergeRunnerFacts>,
  ): Decision<RunnerRecorded> {
    const row = runners.row(name);
    if (row === null) return { write: null, answer: { outcome: 'unknown' } };
    const merged = merge(row.runner);
    if (merged.outcome !== 'changed') return { write: null, answer: { ...merged, runner: row.runner } };
    const { runner } = merged;
    const write = (): RunnerRecorded => {
      runners.replace(row, runner);
      return { outcome: 'recorded', runner };
    };
    return { write, changes: changeOf(hostToTell(row.runner.dirty, runner.dirty), { kind: 'runner', name }) };
  }

  // ---- Commits

  function changedItems(commit: Commit): ItemKey[] {
    const jobVersions = jobs.versions(commit.jobs.map(({ key }) => key));
    const names = [...commit.runners, ...commit.runnersNew].map(({ name }) => name);
    const runnerVersions = runners.versions(names);
    return [
      ...commit.jobs
        .filter(({ key, version }) => jobVersions.get(key) !== version)
        .map(({ key }): ItemKey => ({ kind: 'job', key })),
      ...commit.runners
        .filter(({ name, version }) => runnerVersions.get(name) !== version)
        .map(({ name }): ItemKey => ({ kind: 'runner', name })),
      ...commit.runnersNew
        .filter(({ name }) => runnerVersions.has(name))
        .map(({ name }): ItemKey => ({ kind: 'runner', name })),
    ];
  }

  function write(commit: Commit): void {
    hosts.putLedger(commit.ledger);
    for (const lane of commit.lanes) hosts.putLane(lane);
    for (const lane of commit.lanesEmptied) hosts.deleteLane(lane.host, lane.key);
    for (const job of commit.jobs) jobs.update({ ...job, version: job.version + 1 });
    for (const runner of commit.runners) runners.update({ ...runner, version: runner.version + 1 });
    for (const runner of commit.runnersNew) runners.insert({ ...runner, version: runner.version + 1 });
  }

  function decideCommit(commit: Commit): Decision<Committed> {
    assertCommit(commit);
    if (hosts.ledgerVersion(commit.host) !== commit.version)
      return { write: null, answer: { outcome: 'lost' } };
    const items = changedItems(commit);
    if (items.length > 0) return { write: null, answer: { outcome: 'conflict', items } };
    return {
      write: () => {
        write(commit);
        return { outcome: 'committed' };
      },
      changes: [
        ...commit.jobs.flatMap((job) => changeOf(hostHandedTo(job, commit), { kind: 'job', key: job.key })),
        ...[...commit.runners, ...commit.runnersNew].flatMap((runner) =>
          changeOf(hostHandedTo(runner, commit), { kind: 'runner', name: runner.name }),
        ),
      ],
    };
  }

  // ---- Books

  function books(host: HostName, { items, pools, queueMax, timedMax }: BooksRequest): Books {
    const jobKeys = new Set(items.flatMap((item) => (item.kind === 'job' ? [item.key] : [])));
    const runnerNames = new Set(items.flatMap((item) => (item.kind === 'runner' ? [item.name] : [])));
    const jobsAsked = jobs.byKeys(keyList(jobKeys));
    const runnersAsked = runners.byNames(keyList(runnerNames));
    const runnersBeside = runners.byNames(keyList(runnersNamed(jobsAsked, runnerNames)));
    const runnersFound = [...runnersAsked, ...runnersBeside.filter((runner) => runner.host === host)];
    const jobsFound = [...jobsAsked, ...jobs.byKeys(keyList(jobsNamed(runnersFound, jobKeys)))];
    return {
      ledger: hosts.ledger(host),
      controls: hosts.controls(host).map(({ control }) => control),
      jobs: jobsFound,
      runners: runnersFound,
      lanes: hosts.lanes(keyList(lanesNamed(host, jobsFound, runnersFound)), host),
      queue: hosts.queue(host, pools, queueMax),
      timed: hosts.timed(host, timedMax),
    };
  }

  return {
    deployment: (make) =>
      run(() => {
        const found = readDeployment();
        if (found !== null) return { write: null, answer: found };
        const made = make();
        return { write: () => put(made), changes: [] };
      }),

    recordJob: (key, facts, at) => run(() => recordJob(key, (job) => mergeJobFacts(job, facts, at))),
    recordRunner: (name, facts, at) =>
      run(() => recordRunner(name, (runner) => mergeRunnerFacts(runner, facts, at))),
    recordControl: (control, at) =>
      run(() => ({
        write: () => hosts.putControl(control, at),
        changes: changeOf(control.host, { kind: 'control', pool: control.pool }),
      })),

    readJob: async (key) => jobs.row(key)?.job ?? null,
    readRunner: async (name) => runners.row(name)?.runner ?? null,
    readLane: async (host, key) => hosts.lane(host, key),
    readLedger: async (host) => hosts.ledger(host),
    books: async (host, request) => snapshot(() => books(host, request)),
    census: async (host) =>
      snapshot(() => {
        const ledger = hosts.ledger(host);
        return {
          version: ledger?.version ?? 0,
          ledger,
          controls: hosts.controls(host).map(({ control }) => control),
          lanes: hosts.lanesOfHost(host),
          runners: runners.census(host),
          jobs: jobs.countsOfHost(host),
        };
      }),

    commit: (commit) => run(() => decideCommit(commit)),

    jobsOfLane: async (lane, jobClass, limit) => jobs.ofLane(lane, jobClass, limit),
    jobsRefused: async (after, limit) => jobs.refused(after, limit),
    jobsCounted: async (host, after, limit) => jobs.counted(host, after, limit),
    runnersOfLane: async (host, lane, runnerClass, limit) => runners.ofLane(host, lane, runnerClass, limit),
    runnersStandingBy: async (host, pool, limit) => runners.standingBy(host, pool, limit),
    runnersOfHost: async (host) => runners.ofHost(host),
    lanesWaiting: async (host, limit) => waitingLanes(hosts.lanesOfHost(host), limit),

    uncounted: async (host, before, limit) =>
      [
        ...controlsUncounted(hosts.controls(host), hosts.ledger(host), before),
        ...jobs.uncounted(host, before, limit),
        ...runners.uncounted(host, before, limit),
      ]
        .sort((a, b) => a.since - b.since)
        .slice(0, limit)
        .map(({ item }) => item),

    dueRunners: async (host, now, limit) => runners.due(host, now, limit),
    dueJobs: async (now, limit) => jobs.due(now, limit),

    sweepSoon: (sweep) =>
      run(() => {
        const next = sooner(sweeps.one(sweep.kind, sweep.subject), sweep);
        return next === null
          ? { write: null, answer: undefined }
          : { write: () => sweeps.put(next), changes: [] };
      }),
    sweepDone: (sweep) =>
      run(() => {
        const next = looked(sweeps.one(sweep.kind, sweep.subject), sweep);
        return { write: () => sweeps.put(next), changes: [] };
      }),
    sweepsDue: async (now, limit) => sweeps.due(now, limit),
    readSweep: async (kind, subject) => sweeps.one(kind, subject),

    purge: (before, limit) =>
      run(() => ({
        write: () => {
          const jobsGone = jobs.deleteEnded(before, limit);
          return jobsGone + runners.deleteEnded(before, limit - jobsGone);
        },
        changes: [],
      })),

    close() {
      close();
      if (typeof options.database === 'string') database.close();
    },
  };

  function put(deployment: Deployment): Deployment {
    insertDeployment.run(JSON.stringify(deployment));
    return deployment;
  }
}

/** Several reads as of one moment, whatever another process writes meanwhile. */
function createSnapshot(database: DatabaseSync): <T>(read: () => T) => T {
  const begin = database.prepare('BEGIN');
  const end = database.prepare('COMMIT');
  return (read) => {
    begin.run();
    try {
      return read();
    } finally {
      end.run();
    }
  };
}

function changeOf(host: HostName | null, item: ItemKey): Change[] {
  return host === null ? [] : [{ host, item }];
}
