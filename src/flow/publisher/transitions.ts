// What a commit has counted, as lines of a log: one for each step of a job, and for each runner that failed. A job that
// goes well has four, less than a kilobyte together; what its runner does meanwhile is in its timeline.

import type { Commit } from '../../core/commit.ts';
import type { Job } from '../../core/job.ts';
import { speaksAgainstPool } from '../../core/reason.ts';
import type { Runner } from '../../core/runner.ts';
import { poolOfLane } from '../../core/scope.ts';
import { parseTraceparent } from '../../core/trace.ts';
import type { Books } from '../../ports/jobs-table.ts';
import type { Fields, Telemetry } from '../../ports/telemetry.ts';

export function logTransitions(
  telemetry: Telemetry,
  commit: Commit,
  books: Pick<Books, 'jobs' | 'runners'>,
): void {
  const jobs = new Map(books.jobs.map((job) => [job.key, job]));
  for (const job of commit.jobs) {
    const step = stepOf(jobs.get(job.key), job);
    if (step !== null) telemetry.log('info', `job ${step}`, fieldsOf(job, step));
  }
  for (const runner of commit.runners) {
    if (runner.counted === null && failed(runner)) telemetry.log('warn', 'runner failed', failureOf(runner));
  }
}

type Step = 'queued' | 'ordered' | 'held' | 'started' | 'completed';

/** `null`: what was counted is nothing that a person would call a step. */
function stepOf(before: Job | undefined, after: Job): Step | null {
  switch (after.phase) {
    case 'gated':
      return null;
    case 'queued':
      if (after.lastOrder !== null && after.lastOrder.at !== before?.lastOrder?.at) return 'ordered';
      if (after.counted?.class === 'held' && before?.counted?.class !== 'held') return 'held';
      return before?.counted == null && after.counted !== null ? 'queued' : null;
    case 'in_progress':
      return 'started';
    case 'completed':
      return 'completed';
    default:
      return after.phase satisfies never;
  }
}

function fieldsOf(job: Job, step: Step): Fields {
  const { id, repository, createdAt, startedAt, completedAt } = job;
  const pool = job.route.kind === 'lane' ? poolOfLane(job.route.lane) : null;
  const trace = traceOf(job);
  switch (step) {
    case 'queued':
      return { job: id, repository, pool, ...trace };
    case 'ordered':
      return { job: id, pool, runner: job.lastOrder?.runner ?? null, ...trace };
    case 'held':
      return { job: id, pool, why: job.held?.cause ?? null, ...trace };
    case 'started':
      return {
        job: id,
        pool,
        runner: job.runner?.name ?? null,
        waitedMs: startedAt === null ? null : startedAt - createdAt,
        ...trace,
      };
    case 'completed':
      return {
        job: id,
        pool,
        runner: job.runner?.name ?? null,
        conclusion: job.conclusion,
        tookMs: startedAt === null || completedAt === null ? null : completedAt - startedAt,
        ...trace,
      };
    default:
      return step satisfies never;
  }
}

function failed({ end, busyAt }: Runner): boolean {
  return end !== null && busyAt === null && speaksAgainstPool(end.code);
}

function failureOf(runner: Runner): Fields {
  const { name, pool, machine, end } = runner;
  return {
    runner: name,
    pool,
    machine,
    code: end?.code ?? null,
    why: end?.why ?? null,
    ...traceOf(runner),
  };
}

/** Only of a trace that is kept: nobody could look another one up. */
function traceOf({ traceparent }: Pick<Job, 'traceparent'>): Fields {
  const context = parseTraceparent(traceparent);
  return context?.sampled ? { trace: context.traceId } : {};
}
