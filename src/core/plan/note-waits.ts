// What did not happen in this plan, and why: obstacles are kept in the ledger, and a job that has just come and gets no
// runner yet is told its place. Both go with what the plan writes anyway: a plan that writes nothing notes nothing.

import type { Commit } from '../commit.ts';
import { withObstacles } from '../episodes.ts';
import type { LaneKey } from '../ids.ts';
import type { Job } from '../job.ts';
import { type Lane, orderable, waiting } from '../ledger.ts';
import { describeObstacle, type Obstacle, obstacleOf } from '../obstacle.ts';
import { withEntry } from '../timeline.ts';
import type { Draft } from './draft.ts';
import type { Known } from './need.ts';

export type Obstacles = ReadonlyMap<LaneKey, Obstacle>;

/** Of each lane that wants more runners than this plan has ordered. */
export function obstaclesOf(draft: Draft, lanes: readonly Lane[], known: Known): Obstacles {
  const obstacles = new Map<LaneKey, Obstacle>();
  for (const { key } of lanes) {
    const lane = draft.lane(key);
    if (lane === null || orderable(lane) === 0) continue;
    const obstacle =
      obstacleOf(lane, draft.ledger(), draft.configuration, draft.now) ?? budgetOf(draft, lane, known);
    if (obstacle !== null) obstacles.set(key, obstacle);
  }
  return obstacles;
}

function budgetOf({ host, now }: Draft, { scope }: Lane, { mints, launches }: Known): Obstacle | null {
  const { installation } = scope;
  const registrationsAt = mints.get(installation)?.nextAt ?? null;
  if (registrationsAt !== null && registrationsAt > now)
    return { code: 'registrations', installation, until: registrationsAt };
  const launchesAt = launches?.nextAt ?? null;
  return launchesAt !== null && launchesAt > now ? { code: 'launches', host, until: launchesAt } : null;
}

/** `came`: jobs that this plan counts, and so writes. */
export function notePlaces(draft: Draft, came: readonly Job[], obstacles: Obstacles): void {
  for (const [key, obstacle] of obstacles) {
    const lane = draft.lane(key);
    const left = came
      .flatMap((job) => draft.job(job.key) ?? [])
      .filter(({ counted, orders }) => counted?.lane === key && counted.class === 'fresh' && orders === 0)
      .sort((a, b) => a.createdAt - b.createdAt || a.id - b.id);
    for (const [turn, job] of left.entries()) {
      const ahead = Math.max(0, (lane ? waiting(lane) : 0) - left.length + turn);
      const before = ahead === 0 ? '' : `; ${ahead} ${ahead === 1 ? 'job' : 'jobs'} of its lane before it`;
      const entry = { at: draft.now, what: 'waits', why: `${describeObstacle(obstacle)}${before}` };
      draft.setJob({ ...job, timeline: withEntry(job.timeline, entry) });
    }
  }
}

export function withEpisodes(
  commit: Commit,
  obstacles: Obstacles,
  seen: { now: number; isWhole: boolean },
): Commit {
  const before = commit.ledger.episodes ?? [];
  const episodes = withObstacles(before, [...obstacles.values()], seen);
  return episodes.length === 0 && before.length === 0
    ? commit
    : { ...commit, ledger: { ...commit.ledger, episodes } };
}
