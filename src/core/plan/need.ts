// What a plan has to know before it can decide, beyond what changed. It says so, is told, and is asked again.

import type { HostName, LaneKey, PoolName } from '../ids.ts';
import type { Job, JobClass } from '../job.ts';
import type { Runner } from '../runner.ts';

/** Items that one look-up brings at most: more than a commit could write. */
export const lookUpMax = 50;

export type Need =
  | { kind: 'jobs'; lane: LaneKey; class: JobClass; count: number }
  | { kind: 'runners'; lane: LaneKey; count: number }
  | { kind: 'spares'; pool: PoolName; count: number }
  | { kind: 'mints'; installation: number; count: number }
  | { kind: 'launches'; host: HostName; count: number };

/** Tokens that were reserved, and when the next one comes if they were fewer than asked for. */
export interface Reserved {
  granted: number;
  nextAt: number | null;
}

/** The answers so far. Each list may be shorter than asked for: there are no more, or the index lags. */
export interface Known {
  jobs: ReadonlyMap<string, readonly Job[]>;
  runners: ReadonlyMap<LaneKey, readonly Runner[]>;
  spares: ReadonlyMap<PoolName, readonly Runner[]>;
  mints: ReadonlyMap<number, Reserved>;
  launches: Reserved | null;
}

export const nothingKnown: Known = {
  jobs: new Map(),
  runners: new Map(),
  spares: new Map(),
  mints: new Map(),
  launches: null,
};

export function jobsKey(lane: LaneKey, jobClass: JobClass): string {
  return `${lane} ${jobClass}`;
}
