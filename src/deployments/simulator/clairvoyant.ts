// How long jobs would wait for a scheduler that knows everything at once and never errs: what ours is measured by.
// It sees a job when it is made, and a place when it comes free; each job gets a machine of its own, oldest first.

import type { Job } from '../../adapters/github/simulated/state.ts';
import type { World } from '../../adapters/github/simulated/world.ts';
import { simulatedHostOptions } from '../../adapters/hosts/simulated/options.ts';
import type { HostName, PoolName } from '../../core/ids.ts';
import { poolOfLane } from '../../core/scope.ts';
import { configuration } from './landscape.ts';
import { routeOf } from './routes.ts';

/** From a machine's program to the job: the runner connects, GitHub assigns, the runner fetches. */
const connectMs = 2_000 + 900;
/** From its job's end until a machine is dead. */
const endMs = 7_500;

interface Wish {
  job: Job;
  host: HostName;
  pool: PoolName;
  /** From when on GitHub offers it. */
  from: number;
}

interface Place {
  host: HostName;
  pool: PoolName;
  freeAt: number;
}

/** Waits of the jobs that GitHub offers as soon as they are made. */
export function clairvoyantWaits(world: World): number[] {
  const wishes = [...world.state.jobs.values()]
    .flatMap(wishOf)
    .sort((a, b) => a.from - b.from || a.job.id - b.job.id);
  const waits: number[] = [];
  let waiting: Wish[] = [];
  let places: Place[] = [];
  let next = 0;
  for (;;) {
    const arrival = wishes[next]?.from ?? Number.POSITIVE_INFINITY;
    const freed =
      waiting.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...places.map((place) => place.freeAt));
    const now = Math.min(arrival, freed);
    if (!Number.isFinite(now)) return waits;
    places = places.filter((place) => place.freeAt > now);
    for (; wishes[next]?.from === now; next += 1) waiting.push(wishes[next] as Wish);
    waiting = waiting.filter((wish) => {
      if (!hasPlace(places, wish)) return true;
      const readyAt = now + bootMsOf(wish.host) + connectMs;
      if (isOfferedAtOnce(wish.job)) waits.push(readyAt - wish.from);
      places.push({ ...wish, freeAt: readyAt + lengthOf(wish.job) + endMs });
      return false;
    });
  }
}

/** A job whose wait is not the scheduler's: for an approval, or for others of its matrix. */
export function isOfferedAtOnce({ stage }: Job): boolean {
  return !stage.description.approval && stage.description.maxParallel === undefined;
}

function wishOf(job: Job): Wish[] {
  const route = routeOf(job, configuration);
  if (route.kind !== 'lane' || job.runner === null) return [];
  const from = isOfferedAtOnce(job) ? job.createdAt : job.startedAt - bootMsOf(route.host) - connectMs;
  return [{ job, host: route.host, pool: poolOfLane(route.lane), from }];
}

function hasPlace(places: readonly Place[], { host, pool }: Wish): boolean {
  const hostLimit = configuration.hosts.find((one) => one.name === host)?.limit ?? 0;
  const poolLimit = configuration.pools.find((one) => one.name === pool)?.limit ?? 0;
  let inHost = 0;
  let inPool = 0;
  for (const place of places) {
    if (place.host === host) inHost += 1;
    if (place.pool === pool) inPool += 1;
  }
  return inHost < hostLimit && inPool < poolLimit;
}

/** The mean of the host's boots and calls. */
function bootMsOf(host: HostName): number {
  return bootMs.get(host) ?? 0;
}

const bootMs = new Map(
  configuration.hosts.map(({ name, options }) => {
    const { bootMs, callMs } = simulatedHostOptions.parse(options);
    return [name, meanOf(bootMs) + meanOf(callMs) / 2];
  }),
);

function meanOf({
  leastMs,
  medianMs,
  p95Ms,
  mostMs,
}: {
  leastMs: number;
  medianMs: number;
  p95Ms: number;
  mostMs: number;
}): number {
  return 0.25 * (leastMs + medianMs) + 0.225 * (medianMs + p95Ms) + 0.025 * (p95Ms + mostMs);
}

function lengthOf(job: Job): number {
  return (job.completedAt ?? job.startedAt) - job.startedAt;
}
