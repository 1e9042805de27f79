// Jobs as a person wants to see them: what waits and why, and what runs.

import { explainWait } from '../../core/explain.ts';
import { type JobKey, type LaneKey, parseRunnerName, type RunnerName } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { Lane, Ledger } from '../../core/ledger.ts';
import { poolOfLane } from '../../core/scope.ts';
import { runnerOrdered } from '../../core/timeline.ts';
import type { JobsFilter, OperatorDeps } from './operator.ts';
import type { JobView } from './views.ts';

/** Read at one time from one host: beyond, only what is asked for by its id is shown. */
const pageMax = 100;
/** Jobs read on behalf of one question, whatever the backlog. */
const jobsReadMax = 2_000;

export interface JobViews {
  list(filter: JobsFilter): Promise<JobView[]>;
  view(job: Job, more?: { ahead?: number }): Promise<JobView>;
}

export function createJobViews({ clock, table, configuration }: OperatorDeps): JobViews {
  return { list, view };

  async function list({ pool, repository, limit }: JobsFilter): Promise<JobView[]> {
    const seen = new Map<JobKey, Job>();
    const keep = (job: Job) => {
      if (repository !== null && job.repository !== repository.toLowerCase()) return;
      if (pool !== null && poolOf(job) !== pool) return;
      seen.set(job.key, job);
    };
    for (const { name } of configuration.hosts) {
      await pages((after) => table.jobsCounted(name, after, pageMax), keep);
      for (const { job } of await table.runnersOfHost(name)) {
        const running = job === null || seen.has(job) ? null : await table.readJob(job);
        if (running && running.phase !== 'completed') keep(running);
      }
    }
    await pages((after) => table.jobsRefused(after, pageMax), keep);
    const inOrder = [...seen.values()].sort(byTurn).slice(0, limit);
    const books = cachedBooks();
    return Promise.all(inOrder.map((job) => viewWith(job, books)));
  }

  async function pages(
    read: (after: JobKey | null) => Promise<Job[]>,
    keep: (job: Job) => void,
  ): Promise<void> {
    let after: JobKey | null = null;
    for (let count = 0; count < jobsReadMax; count += pageMax) {
      const page: Job[] = await read(after);
      page.forEach(keep);
      after = page.at(-1)?.key ?? null;
      if (page.length < pageMax) return;
    }
  }

  function view(job: Job, more?: { ahead?: number }): Promise<JobView> {
    return viewWith(job, cachedBooks(), more);
  }

  async function viewWith(
    job: Job,
    books: ReturnType<typeof cachedBooks>,
    more?: { ahead?: number },
  ): Promise<JobView> {
    const { id, name, workflow, repository, url, phase, conclusion, labels } = job;
    return {
      id,
      name,
      workflow,
      repository,
      url,
      phase,
      conclusion,
      pool: poolOf(job),
      labels,
      createdAt: job.createdAt,
      startedAt: job.startedAt,
      completedAt: job.completedAt,
      runner: job.runner?.name ?? null,
      wait: await wait(job, books, more),
    };
  }

  async function wait(job: Job, books: ReturnType<typeof cachedBooks>, more?: { ahead?: number }) {
    if (job.phase === 'in_progress' || job.phase === 'completed') return null;
    const route = job.route.kind === 'lane' ? job.route : null;
    return explainWait(job, {
      configuration,
      ledger: route && (await books.ledger(route.host)),
      lane: route && (await books.lane(route.host, route.lane)),
      runner: job.lastOrder && (await table.readRunner(job.lastOrder.runner)),
      now: clock.now(),
      ...more,
    });
  }

  /** Each ledger and lane is read once for one question. */
  function cachedBooks() {
    const ledgers = new Map<string, Promise<Ledger | null>>();
    const lanes = new Map<string, Promise<Lane | null>>();
    return {
      ledger: (host: Parameters<typeof table.readLedger>[0]) =>
        cached(ledgers, host, () => table.readLedger(host)),
      lane: (host: Parameters<typeof table.readLedger>[0], lane: LaneKey) =>
        cached(lanes, `${host} ${lane}`, () => table.readLane(host, lane)),
    };
  }
}

/** Of a job that lost one runner after the other, the last ones tell enough. */
const runnersOfJobMax = 10;

/** Of ours, that have to do with the job: those ordered for it, and the one that it runs on. */
export function runnersOfJob({ timeline, lastOrder, runner }: Job): RunnerName[] {
  const ordered = timeline.flatMap(({ what, why }) => (what === runnerOrdered && why ? [why] : []));
  const names = [...ordered, lastOrder?.runner, runner?.name].filter((name) => name !== undefined);
  return [...new Set(names)]
    .filter((name): name is RunnerName => parseRunnerName(name) !== null)
    .slice(-runnersOfJobMax);
}

export function poolOf(job: Job): string | null {
  return job.route.kind === 'lane' ? poolOfLane(job.route.lane) : null;
}

/** Those that wait before those that run, the oldest first. */
function byTurn(a: Job, b: Job): number {
  const waits = (job: Job) => (job.phase === 'in_progress' ? 1 : 0);
  return waits(a) - waits(b) || a.createdAt - b.createdAt;
}

function cached<Value>(
  known: Map<string, Promise<Value>>,
  key: string,
  read: () => Promise<Value>,
): Promise<Value> {
  const value = known.get(key) ?? read();
  known.set(key, value);
  return value;
}
