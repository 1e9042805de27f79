// What GitHub tells of a job, by webhook or by an answer, made into the fact that the table takes.

import type { Configuration } from '../core/configuration.ts';
import { type GitHubName, jobKey } from '../core/ids.ts';
import type { JobPhase, JobRoute, JobSighting } from '../core/job.ts';
import type { OwnRunner } from '../core/plan/count.ts';
import { readable } from '../core/reason.ts';
import { route } from '../core/routing.ts';
import type { JobReport } from '../ports/github.ts';

/**
 * GitHub's status → our phase. `waiting` is an approval, `pending` and `requested` a concurrency group: not offered to
 * runners, so gated. A status that is new to us is taken for gated too: it orders nothing.
 */
export function phaseOf(status: string): JobPhase {
  switch (status) {
    case 'queued':
      return 'queued';
    case 'in_progress':
      return 'in_progress';
    case 'completed':
      return 'completed';
    default:
      return 'gated';
  }
}

export interface SightingContext {
  github: GitHubName;
  configuration: Configuration;
  own: OwnRunner;
  makeTraceparent: (parent: string | null) => string;
}

/** `null` for a job that is none of our business. One that names a runner of ours always is. */
export function sightingOf(report: JobReport, context: SightingContext): JobSighting | null {
  const routing = route(report, context.configuration);
  const runner = report.runner ? context.own(report.runner.name) : null;
  if (routing.kind === 'ignored' && runner === null) return null;
  const ours: JobRoute =
    routing.kind === 'ignored'
      ? { kind: 'refused', code: 'noPool', text: 'no pool has its labels' }
      : routing;
  const { status, labels, runner: named, ...facts } = report;
  return {
    ...facts,
    key: jobKey(context.github, report.id),
    name: readable(report.name),
    workflow: report.workflow === null ? null : readable(report.workflow),
    labels: labels.map(readable),
    steps: report.steps.map((step) => ({ ...step, name: readable(step.name) })),
    phase: phaseOf(status),
    runner: named ? { id: named.id, name: readable(named.name) } : null,
    route: ours,
    runnerHost: runner?.host ?? null,
    traceparent: context.makeTraceparent(null),
  };
}
