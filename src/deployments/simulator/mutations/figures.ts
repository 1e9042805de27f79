// Figures that speak of many runs: how long it took to heal, and what it cost. Bounds are those that the system is
// held to, with room for the few seeds that are run here; the code as it is keeps to them over the same seeds.

import type { Outcome } from '../campaign.ts';
import { type FaultKind, faultKinds, isHeavy, type ProfileName } from '../faults.ts';
import { aims } from '../summary.ts';
import type { Catcher } from './mutation.ts';

export function figureOutOfBounds(outcomes: readonly Outcome[]): { by: Catcher; text: string } | null {
  const profile = outcomes[0]?.profile ?? 'calm';
  const worstMs = Math.max(0, ...outcomes.flatMap(({ deficitsMs }) => deficitsMs));
  // With shares of its own it is another profile, and held to the checker's own bound.
  const hasOwnShares = outcomes.some(({ task }) => task.faults.includes('='));
  const worstMsMax = hasOwnShares ? Number.POSITIVE_INFINITY : healingMsMax(profile);
  if (worstMs > worstMsMax)
    return {
      by: 'healing',
      text: `a lane too short for ${worstMs / 1_000} s, at most ${worstMsMax / 1_000}`,
    };
  if (outcomes.length < seedsMin) return null;
  const perJob = (count: (outcome: Outcome) => number) =>
    outcomes.reduce((sum, outcome) => sum + count(outcome), 0) /
    Math.max(
      1,
      outcomes.reduce((sum, outcome) => sum + outcome.started, 0),
    );
  const launches = perJob((outcome) => outcome.launches);
  if (launches > launchesMax)
    return { by: 'launches', text: `${launches.toFixed(2)} launches a job, at most ${launchesMax}` };
  const asks = perJob((outcome) => outcome.asks);
  if (asks > asksMax) return { by: 'asks', text: `${asks.toFixed(2)} asks a job, at most ${asksMax}` };
  return null;
}

/** Of fewer runs a mean says too little. */
const seedsMin = 3;

/** The aim is for 99 of 100; the worst of some seeds is longer. */
const worstToAim = 1.5;
/** Nothing is lost, nothing is late: what is seen is the time between two looks, and a launch that waits its turn. */
const prompt: ReadonlySet<ProfileName> = new Set([
  'calm',
  'theft',
  'cancel',
  'webhookTwice',
  'messageTwice',
  'messageEarly',
  'idleDrop',
  'listStale',
]);
const promptMsMax = 30_000;

/** Kinds that may take longer than two minutes, and all at once, are held to the checker's own bound. */
function healingMsMax(profile: ProfileName): number {
  if (prompt.has(profile)) return promptMsMax;
  const isLight = profile in faultKinds && !isHeavy(profile as FaultKind);
  return isLight ? worstToAim * aims.singleMs : Number.POSITIVE_INFINITY;
}

/** Whatever fails: jobs are given up, machines die, and each may cost one launch more. */
const launchesMax = 1.5;
const asksMax = 1;
