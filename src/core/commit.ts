// What a plan wants written, all or nothing, on the ledger's version.

import type { HostName } from './ids.ts';
import type { Job } from './job.ts';
import type { Lane, Ledger } from './ledger.ts';
import type { Runner } from './runner.ts';

/** Items that one commit may write: DynamoDB's TransactWriteItems takes 100. */
export const commitItemsMax = 100;

/** A lane is three items: its row, and its places in the queue for places and in the list of times, put or deleted. */
export const laneItems = 3;

export interface Commit {
  host: HostName;
  /** The version that was read; the commit is void if it has moved. `ledger.version` is the one to write. */
  version: number;
  ledger: Ledger;
  lanes: readonly Lane[];
  /** Lanes that are all zero: their rows go. */
  lanesEmptied: readonly Lane[];
  /** Each as it is to be; its `version` is still the one that was read. */
  jobs: readonly Job[];
  runners: readonly Runner[];
  runnersNew: readonly Runner[];
}

export function commitItems(commit: Commit): number {
  const lanes = commit.lanes.length + commit.lanesEmptied.length;
  return 1 + lanes * laneItems + commit.jobs.length + commit.runners.length + commit.runnersNew.length;
}
