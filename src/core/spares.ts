// How many machines of a pool stand by: the number that was written, or, where a schedule changes it, the one of the
// latest moment that has passed. Calendars and time zones are others' work: what reads them is handed in.

import type { PoolSettings, SpareChange } from './configuration.ts';

export interface SparesNow {
  spares: number;
  /** When it changes next; `null`: never. */
  until: number | null;
}

export type SparesAt = (settings: PoolSettings, now: number) => SparesNow;

/** The moments of one change of a schedule around `now`: the last not after it, the first after it. */
export type MomentsAround = (
  change: SpareChange,
  now: number,
) => { last: number | null; next: number | null };

export function createSparesAt(momentsAround: MomentsAround): SparesAt {
  return ({ spares, spareChanges }, now) => {
    let latest = { at: Number.NEGATIVE_INFINITY, spares };
    let until: number | null = null;
    for (const change of spareChanges) {
      const { last, next } = momentsAround(change, now);
      // Of two at one moment the later in the list counts.
      if (last !== null && last >= latest.at) latest = { at: last, spares: change.spares };
      if (next !== null && (until === null || next < until)) until = next;
    }
    return { spares: latest.spares, until };
  };
}

/** The most that ever stand by. */
export function sparesMax({ spares, spareChanges }: PoolSettings): number {
  return Math.max(spares, ...spareChanges.map((change) => change.spares));
}
