// Looks at our own books: a recount of each host from time to time, and after a change of the configuration every job
// that waits is routed again.

import type { HostName, JobKey } from '../../core/ids.ts';
import { ulid } from '../../core/ids.ts';
import type { Job, JobRoute } from '../../core/job.ts';
import { sameRoute } from '../../core/job.ts';
import { route } from '../../core/routing.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import { notify } from '../notification.ts';
import type { ReconcilerDeps } from './deps.ts';
import type { Next } from './next.ts';

export async function sweepRecount(deps: ReconcilerDeps, sweep: Sweep): Promise<Next> {
  const id = `recount:${ulid(deps.clock.now(), deps.random)}`;
  await deps.publisherTopic.publish([
    notify({ host: sweep.subject as HostName, items: [], recount: true, hops: 0 }, id),
  ]);
  return { afterMs: deps.configuration.timing.recountMs };
}

interface RerouteState {
  /** The configuration for which all jobs of this host, and all that fit none, are where they belong. */
  configuration: string;
}

const pageSize = 200;

/**
 * A host that is no longer configured has nobody who plants its look at a start: what waits there belongs elsewhere
 * by now, and moves when the look that it was left with is due. Where nothing changed a look reads one item.
 */
const rerouteLookMs = 60_000;

export async function sweepReroute(deps: ReconcilerDeps, sweep: Sweep): Promise<Next> {
  const { table, configuration } = deps;
  const host = sweep.subject as HostName;
  const done = (sweep.state as RerouteState | null)?.configuration === configuration.version;
  const next = {
    afterMs: rerouteLookMs,
    state: { configuration: configuration.version } satisfies RerouteState,
  };
  if (done) return configuration.hosts.some(({ name }) => name === host) ? next : null;
  await pages(
    (after) => table.jobsCounted(host, after, pageSize),
    (job) => reroute(deps, job),
  );
  await pages(
    (after) => table.jobsRefused(after, pageSize),
    (job) => reroute(deps, job),
  );
  return next;
}

async function pages(
  read: (after: JobKey | null) => Promise<Job[]>,
  each: (job: Job) => Promise<void>,
): Promise<void> {
  let after: JobKey | null = null;
  for (;;) {
    const page: Job[] = await read(after);
    for (const job of page) await each(job);
    const last = page.at(-1);
    if (!last || page.length < pageSize) return;
    after = last.key;
  }
}

async function reroute(deps: ReconcilerDeps, job: Job): Promise<void> {
  const routing = route(job, deps.configuration);
  const now: JobRoute =
    routing.kind === 'ignored'
      ? { kind: 'refused', code: 'noPool', text: 'no pool has its labels' }
      : routing;
  if (sameRoute(job.route, now)) return;
  await deps.table.recordJob(job.key, [{ kind: 'rerouted', route: now }], deps.clock.now());
}
