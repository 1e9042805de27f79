// What a commit has counted the end of: told as spans once it is written, so once.

import type { Commit } from '../../core/commit.ts';
import type { JobKey, RunnerName } from '../../core/ids.ts';
import type { Job } from '../../core/job.ts';
import type { Runner } from '../../core/runner.ts';
import { type Span, spanOfPlan, spansOfJob, spansOfRunner } from '../../core/spans.ts';
import { isSampled, makeTraceparent, parseTraceparent } from '../../core/trace.ts';
import type { Random } from '../../ports/clock.ts';
import type { Books } from '../../ports/jobs-table.ts';

export function spansOfCommit(
  commit: Commit,
  books: Pick<Books, 'jobs' | 'runners'>,
  { startMs, endMs }: { startMs: number; endMs: number },
  random: Random,
): Span[] {
  const jobs = [...commit.jobs].filter(isKept);
  const runners = [...commit.runners, ...commit.runnersNew].filter(isKept);
  if (jobs.length + runners.length === 0) return [];
  const ended = jobs.filter(({ phase }) => phase === 'completed');
  const gone = runners.filter(({ goneAt }) => goneAt !== null);
  const context = parseTraceparent(makeTraceparent(null, random));
  if (context === null) return [];
  const { host, ledger } = commit;
  return [
    spanOfPlan({ context, host, startMs, endMs, version: ledger.version, jobs, runners }),
    ...spansOfJobs(ended, [...books.runners, ...commit.runners]),
    ...spansOfRunners(gone, [...books.jobs, ...commit.jobs]),
  ];
}

function spansOfJobs(ended: readonly Job[], runners: readonly Runner[]): Span[] {
  if (ended.length === 0) return [];
  const runnerOf = finder<RunnerName, Runner>(runners, ({ name }) => name);
  return ended.flatMap((job) => spansOfJob(job, runnerOf(job.runner?.name as RunnerName | undefined)));
}

function spansOfRunners(gone: readonly Runner[], jobs: readonly Job[]): Span[] {
  if (gone.length === 0) return [];
  const jobOf = finder<JobKey, Job>(jobs, ({ key }) => key);
  return gone.flatMap((runner) => spansOfRunner(runner, jobOf(runner.job)));
}

/**
 * Steps are stored for their spans alone, which are told when the job's end is counted. From then on the item goes
 * without them: on, every write and read of it would carry them, and they are as large as all the rest of it.
 */
export function withoutSteps(commit: Commit): Commit {
  if (!commit.jobs.some(isTold)) return commit;
  return { ...commit, jobs: commit.jobs.map((job) => (isTold(job) ? { ...job, steps: [] } : job)) };
}

/** One that is handed on is told of there too. */
function isTold({ phase, dirty, steps }: Job): boolean {
  return phase === 'completed' && dirty === null && steps.length > 0;
}

function isKept({ traceparent }: { traceparent: string }): boolean {
  return isSampled(traceparent);
}

/** Later ones, as they were written, go before those that were read. */
function finder<Key, Item>(items: readonly Item[], keyOf: (item: Item) => Key) {
  const byKey = new Map(items.map((item) => [keyOf(item), item]));
  return (key: Key | null | undefined): Item | null =>
    key === null || key === undefined ? null : (byKey.get(key) ?? null);
}
