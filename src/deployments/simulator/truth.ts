// The jobs table, watched: what is written is known here at once, without lag and without asking.

import type { Commit } from '../../core/commit.ts';
import type { HostName, JobKey, LaneKey, RunnerName } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { Lane, Ledger } from '../../core/ledger.ts';
import type { Runner } from '../../core/runner.ts';
import type { JobsTable, Sweep } from '../../ports/jobs-table.ts';

export interface Truth {
  readonly jobs: ReadonlyMap<JobKey, Job>;
  readonly runners: ReadonlyMap<RunnerName, Runner>;
  /** Not gone. */
  readonly runnersAlive: ReadonlyMap<RunnerName, Runner>;
  /** Not completed. */
  readonly jobsOpen: ReadonlyMap<JobKey, Job>;
  readonly ledgers: ReadonlyMap<HostName, Ledger>;
  /** By host and lane. */
  readonly lanes: ReadonlyMap<string, Lane>;
  /** Of the kind `queuedJobs`, by repository. */
  readonly lookUps: ReadonlyMap<string, Sweep>;
}

export interface TableObserver {
  committed(commit: Commit): void;
  runner(runner: Runner): void;
  job(job: Job): void;
}

function installationOf({ subject }: Sweep): number {
  return Number(subject.split(':', 1)[0]);
}

export function truthLaneId(host: HostName, lane: LaneKey): string {
  return `${host} ${lane}`;
}

export function watchTable(table: JobsTable, observer: TableObserver): { table: JobsTable; truth: Truth } {
  const jobs = new Map<JobKey, Job>();
  const runners = new Map<RunnerName, Runner>();
  const runnersAlive = new Map<RunnerName, Runner>();
  const jobsOpen = new Map<JobKey, Job>();
  const ledgers = new Map<HostName, Ledger>();
  const lanes = new Map<string, Lane>();
  const lookUps = new Map<string, Sweep>();

  function noteJob(job: Job): void {
    if ((jobs.get(job.key)?.version ?? -1) >= job.version) return;
    jobs.set(job.key, job);
    if (job.phase === 'completed') jobsOpen.delete(job.key);
    else jobsOpen.set(job.key, job);
    observer.job(job);
  }

  function noteRunner(runner: Runner): void {
    if ((runners.get(runner.name)?.version ?? -1) >= runner.version) return;
    runners.set(runner.name, runner);
    if (runner.state === 'gone') runnersAlive.delete(runner.name);
    else runnersAlive.set(runner.name, runner);
    observer.runner(runner);
  }

  function noteCommit(commit: Commit): void {
    ledgers.set(commit.host, commit.ledger);
    for (const lane of commit.lanes) lanes.set(truthLaneId(commit.host, lane.key), lane);
    for (const lane of commit.lanesEmptied) lanes.delete(truthLaneId(commit.host, lane.key));
    for (const job of commit.jobs) noteJob({ ...job, version: job.version + 1 });
    for (const runner of [...commit.runners, ...commit.runnersNew])
      noteRunner({ ...runner, version: runner.version + 1 });
    observer.committed(commit);
  }

  async function noteSweep({ kind, subject }: Sweep): Promise<void> {
    const sweep = kind === 'queuedJobs' ? await table.readSweep(kind, subject) : null;
    // Of the repository's newest installation: what was installed before is no longer there.
    const repository = subject.slice(subject.indexOf(':') + 1);
    const known = lookUps.get(repository);
    if (sweep && (known === undefined || installationOf(known) <= installationOf(sweep)))
      lookUps.set(repository, sweep);
  }

  const watched: JobsTable = {
    ...table,
    async recordJob(key, facts, at) {
      const recorded = await table.recordJob(key, facts, at);
      if (recorded.outcome === 'recorded') noteJob(recorded.job);
      return recorded;
    },
    async recordRunner(name, facts, at) {
      const recorded = await table.recordRunner(name, facts, at);
      if (recorded.outcome === 'recorded') noteRunner(recorded.runner);
      return recorded;
    },
    async sweepSoon(sweep) {
      await table.sweepSoon(sweep);
      await noteSweep(sweep);
    },
    async sweepDone(sweep) {
      await table.sweepDone(sweep);
      await noteSweep(sweep);
    },
    async commit(commit) {
      const result = await table.commit(commit);
      if (result.outcome === 'committed') noteCommit(commit);
      return result;
    },
  };
  return { table: watched, truth: { jobs, runners, runnersAlive, jobsOpen, ledgers, lanes, lookUps } };
}
