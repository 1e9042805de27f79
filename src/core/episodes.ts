// What did not happen, kept: how long each obstacle was in the way of runners that a host's lanes wanted. An episode is
// an obstacle from its first to its last moment. They stand in the ledger, are written with what is committed anyway and
// never by themselves, and so cost no write, however many jobs wait. A job that no longer waits takes those of its wait
// into its own timeline, in the write that says so.

import type { Job } from './job.ts';
import type { Ledger } from './ledger.ts';
import { describeObstacle, endsAt, isInTheWayOf, isSameObstacle, type Obstacle } from './obstacle.ts';
import { poolOfLane } from './scope.ts';
import { lostItsRunner, type TimelineEntry, waited } from './timeline.ts';

export interface Episode {
  what: Obstacle;
  from: number;
  /** `null`: it was still in the way at the last commit. */
  to: number | null;
}

/** About 20 bytes each, packed: a ledger of some pools stays one write unit. */
export const episodesMax = 16;
/** An obstacle that comes back within this was there all the time: a full host has a free place now and then. */
const togetherMs = 30_000;
/** Whatever was over sooner delayed nobody by more than a notification takes. */
const briefMs = 1_000;

/** `isWhole`: all lanes were looked at that want a runner, so that what is not among `obstacles` is over. */
export function withObstacles(
  episodes: readonly Episode[],
  obstacles: readonly Obstacle[],
  { now, isWhole }: { now: number; isWhole: boolean },
): readonly Episode[] {
  const left = distinct(obstacles);
  const take = (what: Obstacle) => {
    const at = left.findIndex((other) => isSameObstacle(other, what));
    return at < 0 ? null : (left.splice(at, 1)[0] ?? null);
  };
  const known = episodes.map((episode): Episode => {
    const end = endOf(episode, now);
    if (now - end > togetherMs) return { ...episode, to: end };
    const still = take(episode.what);
    if (still !== null) return { ...episode, what: still, to: null };
    return isWhole && episode.to === null ? { ...episode, to: end } : episode;
  });
  const begun = left.map((what): Episode => ({ what, from: now, to: null }));
  const told = [...known, ...begun].filter(({ from, to }) => to === null || to - from >= briefMs);
  return withinBounds(told);
}

/** The oldest that are over go first; where none is, no more begin. */
function withinBounds(episodes: readonly Episode[]): Episode[] {
  let tooMany = episodes.length - episodesMax;
  return episodes
    .filter(({ to }) => {
      if (to === null || tooMany <= 0) return true;
      tooMany -= 1;
      return false;
    })
    .slice(0, episodesMax);
}

function distinct(obstacles: readonly Obstacle[]): Obstacle[] {
  return obstacles.filter((one, at) => obstacles.findIndex((other) => isSameObstacle(other, one)) === at);
}

/** One that is open is over by itself where its time has come. */
function endOf({ what, to }: Episode, now: number): number {
  return to ?? Math.min(endsAt(what) ?? now, now);
}

/** What is in the way of the job's lane now, as the last plan saw it, and is known to the plan alone. */
export function budgetInTheWay(job: Job, ledger: Ledger, now: number): Obstacle | null {
  const whose = whoseWait(job);
  if (whose === null) return null;
  const open = (ledger.episodes ?? []).filter(
    ({ what, to }) => to === null && endOf({ what, from: 0, to }, now) >= now,
  );
  const found = open.find(
    ({ what }) => (what.code === 'registrations' || what.code === 'launches') && isInTheWayOf(what, whose),
  );
  return found?.what ?? null;
}

/** So many are taken into a job's timeline, the longest ones: they say where its time went. */
const waitsMax = 4;

/** What was in the way of a job that waits, or has just ceased to: entries for its timeline. */
export function waitsOfJob(job: Job, ledger: Ledger, now: number): TimelineEntry[] {
  const whose = whoseWait(job);
  const since = waitsSince(job);
  if (whose === null || since === null) return [];
  return (ledger.episodes ?? [])
    .flatMap((episode): Required<TimelineEntry>[] => {
      const at = Math.max(episode.from, since);
      const forMs = endOf(episode, now) - at;
      if (forMs < briefMs || !isInTheWayOf(episode.what, whose)) return [];
      return [{ at, what: waited, why: describeObstacle(episode.what), forMs }];
    })
    .sort((a, b) => b.forMs - a.forMs)
    .slice(0, waitsMax)
    .sort((a, b) => a.at - b.at);
}

function whoseWait({ route }: Job) {
  if (route.kind !== 'lane') return null;
  return { pool: poolOfLane(route.lane), installation: route.scope.installation };
}

/** Since when it has wanted a runner and had none coming for it; `null`: it has one, or GitHub holds it back. */
function waitsSince({ lastOrder, counted, queuedSeenAt, firstSeenAt, timeline }: Job): number | null {
  if (counted === null || counted.class === 'ordered' || counted.class === 'held') return null;
  if (lastOrder === null) return queuedSeenAt ?? firstSeenAt;
  return (
    timeline.findLast(({ what, at }) => what === lostItsRunner && at >= lastOrder.at)?.at ?? lastOrder.at
  );
}
