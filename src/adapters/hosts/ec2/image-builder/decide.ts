// Whether an image is to be built now. All that is remembered is what Image Builder itself tells of the images that it
// has built or tried: when, of which runner and by which recipe (tags), and how it ended.

import { createHash } from 'node:crypto';
import type { EpochMs } from '../../../../ports/clock.ts';

export interface BuildOutcome {
  state: 'building' | 'available' | 'failed';
  startedAt: EpochMs;
  /** Of GitHub's runner; `null` where it is not known: somebody else has started it. */
  runner: string | null;
  recipe: string | null;
}

export interface BuildQuestion {
  pipeline: string;
  /** In any order. */
  builds: readonly BuildOutcome[];
  /** The newest of GitHub's runner. */
  runner: string;
  /** The one that the pipeline has now. */
  recipe: string;
  rebuildMs: number;
  now: EpochMs;
}

export type BuildDecision =
  /** `token`: the same for the same question, so that asking twice builds once. */
  { outcome: 'build'; why: string; token: string } | { outcome: 'wait'; why: string };

/** A build that is not done by then is none any more: tests and distribution included, an hour and a half is long. */
const buildMsMax = 6 * 60 * 60_000;

/** After a failure, doubled with each: a mirror that is down is up in an hour; a script that is wrong stays so. */
const againMs = 60 * 60_000;
const againMsMax = 24 * 60 * 60_000;

/** Image Builder takes 64. */
const tokenLength = 40;

export function decideBuild(question: BuildQuestion): BuildDecision {
  const { builds, runner, recipe, rebuildMs, now } = question;
  const newestFirst = builds.toSorted((a, b) => b.startedAt - a.startedAt);
  if (newestFirst.some(({ state, startedAt }) => state === 'building' && now - startedAt < buildMsMax))
    return { outcome: 'wait', why: 'it is being built' };
  const last = newestFirst.find(({ state }) => state === 'available');
  const why = reason();
  if (why === null) return { outcome: 'wait', why: `it has the runner ${runner}` };
  const failures = failuresSince(question);
  const [latest] = newestFirst;
  const againAt =
    failures === 0 || !latest ? now : latest.startedAt + Math.min(againMs * 2 ** (failures - 1), againMsMax);
  if (againAt > now) return { outcome: 'wait', why: `${why}, and the last ${failures} builds failed` };
  return { outcome: 'build', why, token: tokenOf(question, latest?.startedAt ?? 0) };

  function reason(): string | null {
    if (!last) return 'there is none yet';
    if (last.recipe !== recipe) return 'its recipe was changed';
    if (last.runner !== runner) return `the runner ${runner} is out`;
    if (now - last.startedAt >= rebuildMs) return 'it is old';
    return null;
  }
}

/** Builds that failed, or never ended, since the last one that did not. */
export function failuresSince({ builds, now }: Pick<BuildQuestion, 'builds' | 'now'>): number {
  const good = Math.max(
    0,
    ...builds.filter(({ state }) => state === 'available').map(({ startedAt }) => startedAt),
  );
  return builds.filter(
    ({ state, startedAt }) =>
      startedAt > good && (state === 'failed' || (state === 'building' && now - startedAt >= buildMsMax)),
  ).length;
}

/** Each build that was begun makes the next one's another. */
function tokenOf({ pipeline, runner, recipe }: BuildQuestion, latestAt: EpochMs): string {
  return createHash('sha256')
    .update(JSON.stringify([pipeline, runner, recipe, latestAt]))
    .digest('hex')
    .slice(0, tokenLength);
}
