// What happened to the jobs and runners that a violation is about, in order.

import type { SimulatedEvent } from './event-log.ts';
import { startsAt } from './landscape.ts';
import type { Result } from './simulation.ts';

/** Lines of one timeline: the last ones tell most. */
const linesMax = 150;
/** Where no job or runner is to blame: what happened last. */
const lastEvents = 40;

export function timelineOf({ violations, log, truth }: Result): string[] {
  const subjects = new Set(violations.flatMap((violation) => violation.subjects));
  for (const runner of truth.runners.values()) {
    if (!subjects.has(runner.name)) continue;
    for (const key of [runner.forJob, runner.job]) if (key) subjects.add(key.slice(key.indexOf('#') + 1));
    if (runner.activatedAs) subjects.add(runner.activatedAs);
    if (runner.activates) subjects.add(runner.activates.spare);
  }
  for (const job of truth.jobs.values()) {
    if (!subjects.has(String(job.id))) continue;
    if (job.lastOrder) subjects.add(job.lastOrder.runner);
    if (job.runner) subjects.add(job.runner.name);
  }
  const events = log.events();
  const about = events.filter((event) => subjects.has(event.subject) || isNamed(event, subjects));
  const shown = subjects.size > 0 ? about.slice(-linesMax) : events.slice(-lastEvents);
  const cut = subjects.size > 0 ? about.length - shown.length : 0;
  return [...(cut > 0 ? [`  … ${cut} lines before`] : []), ...shown.map(lineOf)];
}

function isNamed({ what, detail }: SimulatedEvent, subjects: ReadonlySet<string>): boolean {
  return what !== 'written' && detail.split(' ').some((word) => subjects.has(word));
}

export function lineOf({ at, what, subject, detail }: SimulatedEvent): string {
  const seconds = ((at - startsAt) / 1_000).toFixed(2).padStart(9);
  return `${seconds}  ${what.padEnd(26)} ${subject}${detail ? `  ${detail}` : ''}`;
}
