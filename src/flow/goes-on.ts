// From a runner to the one that its machine goes on as: a spare's machine works for the runner that it is activated for, and
// one that works for several is a spare again in between.

import type { RunnerName } from '../core/ids.ts';

/** A machine keeps its name until an activation took effect, and may have missed that once: so two and two. */
const hopsMax = 4;

/** `next`: whose its machine is now, by what was seen; `null`: nobody else's, or it does not matter. */
export async function followMachine<Seen>(
  first: Seen,
  next: (seen: Seen) => RunnerName | null,
  look: (name: RunnerName) => Promise<Seen>,
): Promise<Seen> {
  let seen = first;
  for (let hops = 0; hops < hopsMax; hops += 1) {
    const name = next(seen);
    if (name === null) break;
    seen = await look(name);
  }
  return seen;
}
