// Jobs that wait at GitHub and that nobody told us of: a webhook that was never sent. Looked up per repository, often
// where something happened lately, rarely elsewhere, within a share of the installation's requests.

import { isDeepStrictEqual } from 'node:util';
import type { RepositoryRef } from '../../ports/github.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import { queuedJobsSubject } from '../publisher/touch.ts';
import { sightingOf } from '../sighting.ts';
import type { ReconcilerDeps } from './deps.ts';
import { guarded } from './guarded.ts';
import { metrics } from './metrics.ts';
import type { Next } from './next.ts';
import { shareOfRequests } from './share.ts';

/** Two lists of runs, and the jobs of one or two of them. */
const requestsPerLook = 3;

export async function sweepQueuedJobs(deps: ReconcilerDeps, sweep: Sweep): Promise<Next> {
  const { table, github, clock, telemetry, configuration } = deps;
  const { repository } = sweep.state as { repository: RepositoryRef };
  const { queuedJobsMs, queuedJobsIdleMs, activeMs } = configuration.timing;
  const isActive = sweep.touchedAt + activeMs > clock.now();
  const waitMs = await requestsGranted(deps, repository.installation, isActive);
  if (waitMs > 0) return { afterMs: waitMs };
  for (const report of await github.queuedJobs(repository)) {
    const sighting = sightingOf(report, deps.sighting);
    if (sighting === null) continue;
    const recorded = await table.recordJob(
      sighting.key,
      [{ kind: 'seen', sighting, by: 'lookup' }],
      clock.now(),
    );
    if (recorded.outcome === 'recorded') telemetry.count(metrics.jobsFound);
  }
  return { afterMs: isActive ? queuedJobsMs : queuedJobsIdleMs };
}

/**
 * 0, or how long to wait: sweeps have their share of the hourly requests, spread evenly. Quiet repositories, of which
 * there may be thousands, leave half of what was saved up to those where something happens.
 */
async function requestsGranted(
  deps: ReconcilerDeps,
  installation: number,
  isActive: boolean,
): Promise<number> {
  const terms = shareOfRequests(deps, installation, requestsPerLook);
  const key = { kind: 'github-sweep', account: String(installation) } as const;
  const now = deps.clock.now();
  const asked = isActive
    ? requestsPerLook
    : requestsPerLook + Math.floor((terms.burst - requestsPerLook) / 2);
  const grant = await deps.budgets.reserve(key, terms, asked, now);
  const isGranted = grant.granted === asked;
  await deps.budgets.giveBack(key, terms, isGranted ? asked - requestsPerLook : grant.granted, now);
  if (isGranted) return 0;
  return Math.max(1_000, (requestsPerLook / terms.perSecond) * 1_000);
}

/** `app`: the installations, and of each its repositories, which get a look of their own. */
export async function sweepRepositories(deps: ReconcilerDeps, _sweep: Sweep): Promise<Next> {
  for (const { id, suspended } of await deps.github.installations()) {
    if (!suspended)
      await guarded(deps.telemetry, 'repositories', async () => {
        const repositories = await deps.github.repositories(id);
        for (const [index, repository] of repositories.entries()) await plant(deps, repository, index);
      });
  }
  return { afterMs: deps.configuration.timing.queuedJobsIdleMs };
}

/** First looks at so many repositories are spread, about as far as their share of the requests goes. */
const plantEachMs = 20_000;

async function plant(
  { table, clock, configuration }: ReconcilerDeps,
  repository: RepositoryRef,
  index: number,
): Promise<void> {
  const subject = queuedJobsSubject(repository);
  const known = await table.readSweep('queuedJobs', subject);
  const { queuedJobsMs, queuedJobsIdleMs } = configuration.timing;
  const nextAt = clock.now() + queuedJobsMs + Math.min(index * plantEachMs, queuedJobsIdleMs);
  const sweep = { kind: 'queuedJobs', subject, state: { repository } } as const;
  if (known === null) await table.sweepSoon({ ...sweep, nextAt, lastAt: null, touchedAt: 0 });
  // Made public, or private: the next look routes its jobs accordingly.
  else if (!isDeepStrictEqual(known.state, sweep.state))
    await table.sweepDone({ ...known, ...sweep, nextAt: Math.min(known.nextAt, nextAt) });
}
