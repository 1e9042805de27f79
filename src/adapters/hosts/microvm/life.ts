// How long a machine may live, to the second, and what that tells. A MicroVM carries no tags, so one whose launch was
// never answered is known by nothing but its image. What GetMicrovm does tell of it is the longest life that it was
// launched with; so that is rounded up to a number which leaves, divided by `marks`, a rest that is its runner's own. A
// machine without a name, and a name without a machine, are the same where the rest is.

import { createHash } from 'node:crypto';
import type { RunnerName } from '../../../core/ids.ts';
import { microvmLife } from './options.ts';

/** A prime. A launch is rounded up by four minutes at most, and two in doubt at once are alike once in 251 times. */
const marks = 251;

/** What can be asked for, so that every name still finds its rest within the platform's own limit. */
export const lifeSecondsMax = microvmLife.seconds - marks + 1;

/** The first that is long enough and has the name's rest. */
export function lifeSecondsOf(name: RunnerName, secondsWanted: number): number {
  const wanted = Math.max(1, Math.ceil(secondsWanted));
  return wanted + ((markOf(name) - (wanted % marks) + marks) % marks);
}

export function mayBeOf(name: RunnerName, lifeSeconds: number): boolean {
  return lifeSeconds % marks === markOf(name);
}

function markOf(name: RunnerName): number {
  return createHash('sha256').update(name).digest().readUInt32BE(0) % marks;
}
