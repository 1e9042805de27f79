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
  const jobOf = finder<JobKey, Job>([...books.jobs, ...commit.jobs], ({ key }) => key);
  const runnerOf = finder<RunnerName, Runner>([...books.runners, ...commit.runners], ({ name }) => name);
  const context = parseTraceparent(makeTraceparent(null, random));
  if (context === null) return [];
  const { host, ledger } = commit;
  return [
    spanOfPlan({ context, host, startMs, endMs, version: ledger.version, jobs, runners }),
    ...jobs
      .filter(({ phase }) => phase === 'completed')
      .flatMap((job) => spansOfJob(job, runnerOf(job.runner?.name as RunnerName | undefined))),
    ...runners
      .filter(({ goneAt }) => goneAt !== null)
      .flatMap((runner) => spansOfRunner(runner, jobOf(runner.job))),
  ];
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
