// Tells the Reconciler what is in use: the repository of a job, the scope of a runner. Before the commit, so that no
// crash can lose it, and rarely: once in a while for each, by each process.

import type { Commit } from '../../core/commit.ts';
import type { Job } from '../../core/job.ts';
import { scopeName } from '../../core/scope.ts';
import type { RepositoryRef } from '../../ports/github.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import type { KnowledgeDeps } from './knowledge.ts';

/** Well within the time that a repository counts as active. */
export const touchAgainMs = 10 * 60_000;
/** Subjects remembered: beyond it all are forgotten, which costs a write each. */
const rememberedMax = 10_000;

export function createTouch(deps: KnowledgeDeps): (commit: Commit) => Promise<void> {
  const touched = new Map<string, number>();
  const { timing } = deps.configuration;

  return async (commit) => {
    const now = deps.clock.now();
    const sweeps = [...commit.runnersNew.flatMap(runnerSweep), ...commit.jobs.flatMap(jobSweep)];
    const due = new Map<string, Touched>();
    for (const sweep of sweeps) {
      const id = `${sweep.kind} ${sweep.subject}`;
      if ((touched.get(id) ?? Number.NEGATIVE_INFINITY) + touchAgainMs <= now) due.set(id, sweep);
    }
    // At once, so that a table may write them together.
    await Promise.all(
      [...due].map(async ([id, { kind, subject, afterMs, state }]) => {
        const nextAt = now + afterMs;
        await deps.table.sweepSoon({ kind, subject, nextAt, lastAt: null, touchedAt: now, state });
        if (touched.size >= rememberedMax) touched.clear();
        touched.set(id, now);
      }),
    );
  };

  function runnerSweep({ scope }: Commit['runnersNew'][number]): Touched[] {
    if (!scope) return [];
    return [
      {
        kind: 'runnerList',
        subject: `${scope.installation}:${scopeName(scope)}`,
        afterMs: timing.runnerListMs,
        state: { scope },
      },
    ];
  }

  function jobSweep(job: Job): Touched[] {
    const repository = repositoryOf(job);
    return [
      {
        kind: 'queuedJobs',
        subject: queuedJobsSubject(repository),
        afterMs: timing.queuedJobsMs,
        state: { repository },
      },
    ];
  }
}

interface Touched extends Pick<Sweep, 'kind' | 'subject' | 'state'> {
  afterMs: number;
}

/** An installation that is made anew has looks of its own: the old ones are refused, and fade away. */
export function queuedJobsSubject({ installation, repository }: RepositoryRef): string {
  return `${installation}:${repository}`;
}

export function repositoryOf(job: Job): RepositoryRef {
  const { repository, isPublic, ownedByOrganisation, installation } = job;
  return { repository, isPublic, ownedByOrganisation, installation };
}
