// The trace of a job, made from what its items hold: each transition was written with its time, so nothing has to be
// measured beside, nothing is lost with a process, and a trace is whole or not there.
//
//   job                          GitHub made it … it ended                         the job's own span, root
//   ├ event delivery             made … its event was stored here
//   ├ queue                      stored … the plan ordered a runner for it
//   ├ runner <name>              ordered … its machine is gone                      the runner's own span: TRACEPARENT
//   │ ├ launch                   ordered … the host has launched it
//   │ ├ boot                     launched … it claims its configuration
//   │ ├ register                 claimed … it is online at GitHub
//   │ ├ pick-up                  online … GitHub gave it a job
//   │ └ end                      its job was done … its machine is gone
//   └ run                        GitHub started it … it ended
//     └ <step>                   each of its steps
//
// The job's part is told when its end is counted, a runner's when its end is: by the Publisher, after a commit, so
// once. A runner that was ordered for one job and took another is linked to it, and the job to its runner.
// Names and attributes are those of OpenTelemetry's conventions for CI/CD.

import type { JobKey } from './ids.ts';
import type { Job, JobStep } from './job.ts';
import { endOfJob, faultOf, type Phase, phasesOfJob, phasesOfRunner } from './phases.ts';
import type { Runner } from './runner.ts';
import { parseTraceparent, spanIdOf, type TraceContext } from './trace.ts';

export interface Span {
  traceId: string;
  spanId: string;
  /** `null`: the root. */
  parentId: string | null;
  name: string;
  kind: 'server' | 'internal' | 'consumer';
  startMs: number;
  endMs: number;
  /** What went wrong, if it did. */
  error: string | null;
  attributes: Readonly<Record<string, string | number | boolean>>;
  /** Spans of other traces that have to do with it. */
  links: readonly { traceId: string; spanId: string }[];
}

/** Of a job that has ended; nothing where its trace is not to be kept. `runner`: the one of ours that it ran on. */
export function spansOfJob(job: Job, runner: Runner | null): Span[] {
  const own = sampled(job.traceparent);
  if (own === null || job.phase !== 'completed') return [];
  const ranOn = runner && parseTraceparent(runner.traceparent);
  const root: Span = {
    traceId: own.traceId,
    spanId: own.spanId,
    parentId: null,
    name: job.workflow === null ? job.name : `${job.workflow} / ${job.name}`,
    kind: 'server',
    startMs: job.createdAt,
    endMs: endOfJob(job),
    error: errorOf(job.conclusion),
    attributes: addRunner(attributesOfJob(job), runner),
    links: ranOn && ranOn.traceId !== own.traceId ? [linkTo(ranOn)] : [],
  };
  return [root, ...phasesOfJob(job).flatMap((phase) => spansOfPhase(root, phase, job))];
}

/** Of a runner whose machine is gone. `took`: the trace of the job that it ran, where that is another one. */
export function spansOfRunner(runner: Runner, took: Job | null): Span[] {
  const own = sampled(runner.traceparent);
  if (own === null || runner.goneAt === null) return [];
  const job = took && parseTraceparent(took.traceparent);
  const span: Span = {
    traceId: own.traceId,
    spanId: own.spanId,
    parentId: own.parentId,
    name: `runner ${runner.pool}`,
    kind: 'consumer',
    startMs: runner.orderedAt,
    endMs: runner.goneAt,
    error: faultOf(runner) === null ? null : (runner.end?.why ?? null),
    attributes: addRunner({}, runner),
    links: job && job.traceId !== own.traceId ? [linkTo(job)] : [],
  };
  const parts = phasesOfRunner(runner, took);
  return [span, ...parts.map(({ name, startMs, endMs }) => part(span, name, startMs, endMs))];
}

/** One run of the Publisher, with a link to each trace that it joins; a trace of its own. */
export function spanOfPlan(plan: {
  context: TraceContext;
  host: string;
  startMs: number;
  endMs: number;
  version: number;
  jobs: readonly Job[];
  runners: readonly Runner[];
}): Span {
  const contexts = [...plan.jobs, ...plan.runners].map(({ traceparent }) => sampled(traceparent));
  const links = contexts.filter((one) => one !== null).map(linkTo);
  return {
    traceId: plan.context.traceId,
    spanId: plan.context.spanId,
    parentId: null,
    name: `plan ${plan.host}`,
    kind: 'consumer',
    startMs: plan.startMs,
    endMs: plan.endMs,
    error: null,
    attributes: {
      'runners.host': plan.host,
      'runners.ledger.version': plan.version,
      'messaging.batch.message_count': plan.jobs.length + plan.runners.length,
    },
    links: links.slice(0, linksMax),
  };
}

/** OpenTelemetry's SDKs keep 128 of a span, and collectors may drop more. */
const linksMax = 128;

/** The steps are within its run. */
function spansOfPhase(root: Span, { name, startMs, endMs }: Phase, { steps, conclusion }: Job): Span[] {
  if (name !== 'run') return [part(root, name, startMs, endMs)];
  const run = part(root, name, startMs, endMs, { error: errorOf(conclusion) });
  return [run, ...steps.flatMap((step, index) => stepSpan(run, step, index) ?? [])];
}

function stepSpan(run: Span, step: JobStep, index: number): Span | null {
  if (step.startedAt === null || step.completedAt === null) return null;
  const attributes = {
    'cicd.pipeline.task.name': step.name,
    'cicd.pipeline.task.run.result': resultOf(step.conclusion),
  };
  const error = errorOf(step.conclusion);
  return part(run, step.name, step.startedAt, step.completedAt, { which: String(index), error, attributes });
}

const nothing = {};
const none: readonly never[] = [];

/** A part of its parent; its id follows from what it is, so that it is the same each time. */
function part(
  parent: Span,
  name: string,
  startMs: number,
  endMs: number,
  given: { which?: string; error?: string | null; attributes?: Span['attributes'] } = nothing,
): Span {
  return {
    traceId: parent.traceId,
    spanId: spanIdOf(parent.spanId, `${name}#${given.which ?? ''}`),
    parentId: parent.spanId,
    name,
    kind: 'internal',
    startMs,
    endMs: Math.max(startMs, endMs),
    error: given.error ?? null,
    attributes: given.attributes ?? nothing,
    links: none,
  };
}

type Attributes = Record<string, string | number>;

function attributesOfJob(job: Job): Attributes {
  return {
    'cicd.pipeline.name': job.workflow ?? '',
    'cicd.pipeline.run.id': String(job.runId),
    'cicd.pipeline.task.name': job.name,
    'cicd.pipeline.task.run.id': String(job.id),
    'cicd.pipeline.task.run.url.full': job.url,
    'cicd.pipeline.task.run.result': resultOf(job.conclusion),
    'vcs.repository.name': job.repository,
    'runners.attempt': job.runAttempt,
    'runners.orders': job.orders,
    'runners.labels': job.labels.join(','),
  };
}

/** Beside those that there are: a copy of them would be most of what they cost. */
function addRunner(attributes: Attributes, runner: Runner | null): Attributes {
  if (runner === null) return attributes;
  attributes['cicd.worker.name'] = runner.name;
  attributes['cicd.worker.id'] = runner.machine ?? '';
  attributes['runners.host'] = runner.host;
  attributes['runners.pool'] = runner.pool;
  if (runner.end !== null) attributes['runners.end'] = runner.end.code;
  if (runner.job !== null) attributes['runners.job'] = runner.job satisfies JobKey;
  return attributes;
}

/** The words of OpenTelemetry for what GitHub calls a conclusion. */
function resultOf(conclusion: string | null): string {
  switch (conclusion) {
    case 'success':
    case 'neutral':
      return 'success';
    case 'failure':
      return 'failure';
    case 'cancelled':
      return 'cancellation';
    case 'skipped':
      return 'skip';
    case 'timed_out':
      return 'timeout';
    default:
      return 'error';
  }
}

function errorOf(conclusion: string | null): string | null {
  const result = resultOf(conclusion);
  return result === 'failure' || result === 'timeout' || result === 'error'
    ? (conclusion ?? 'unknown')
    : null;
}

function sampled(traceparent: string): TraceContext | null {
  const context = parseTraceparent(traceparent);
  return context?.sampled ? context : null;
}

function linkTo({ traceId, spanId }: Pick<TraceContext, 'traceId' | 'spanId'>) {
  return { traceId, spanId };
}
