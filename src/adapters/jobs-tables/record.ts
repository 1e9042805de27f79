// What every table does with facts and commits, whatever it keeps them in.

import { type Commit, commitItems, commitItemsMax } from '../../core/commit.ts';
import type { HostName } from '../../core/ids.ts';
import { type Dirty, type Job, type JobFact, mergeJob } from '../../core/job.ts';
import type { Control, Ledger } from '../../core/ledger.ts';
import { mergeRunner, type Runner, type RunnerFact } from '../../core/runner.ts';
import type { ItemKey } from '../../ports/jobs-table.ts';

/** The job to write, or `null` where no fact is new. */
export function mergeJobFacts(job: Job | null, facts: readonly JobFact[], at: number): Job | null {
  let merged = job;
  for (const fact of facts) merged = mergeJob(merged, fact, at) ?? merged;
  return merged === job || merged === null ? null : { ...merged, version: (job?.version ?? 0) + 1 };
}

export type RunnerFactsMerge =
  | { outcome: 'changed'; runner: Runner }
  | { outcome: 'unchanged' }
  | { outcome: 'refused'; why: string };

export function mergeRunnerFacts(runner: Runner, facts: readonly RunnerFact[], at: number): RunnerFactsMerge {
  let merged = runner;
  for (const fact of facts) {
    const merge = mergeRunner(merged, fact, at);
    if (merge.outcome === 'refused') return merge;
    if (merge.outcome === 'changed') merged = merge.runner;
  }
  if (merged === runner) return { outcome: 'unchanged' };
  return { outcome: 'changed', runner: { ...merged, version: runner.version + 1 } };
}

/** The host that has to hear of a fact; `null`: nobody, it changes no count. */
export function hostToTell(before: Dirty | null, after: Dirty | null): HostName | null {
  if (after === null) return null;
  return after.change === before?.change && after.host === before.host ? null : after.host;
}

/** The host that has to hear of an item which a commit wrote: the one that it was handed on to. */
export function hostHandedTo(item: Job | Runner, commit: Commit): HostName | null {
  return item.dirty === null || item.dirty.host === commit.host ? null : item.dirty.host;
}

/** What a commit can't be: a fault of the plan, so an error. */
export function assertCommit(commit: Commit): void {
  const items = commitItems(commit);
  if (items > commitItemsMax) {
    throw new RangeError(
      `a commit for host ${commit.host} of ${items} items: at most ${commitItemsMax} are written at once; plan fewer changes`,
    );
  }
  if (commit.ledger.host !== commit.host || commit.ledger.version <= commit.version) {
    throw new RangeError(
      `a commit for host ${commit.host} on version ${commit.version} writes the ledger of ${commit.ledger.host} at version ` +
        `${commit.ledger.version}: it has to be the same host's, at a later version`,
    );
  }
}

/**
 * Controls carry no mark of their own: they are counted when the ledger has copied them, which is compared here.
 * A control of a pool that the ledger does not know waits for the pool.
 */
export function controlsUncounted(
  controls: readonly { control: Control; recordedAt: number }[],
  ledger: Ledger | null,
  before: number,
): { item: ItemKey; since: number }[] {
  return controls
    .filter(({ control, recordedAt }) => recordedAt < before && !isCopied(control, ledger))
    .map(({ control, recordedAt }) => ({ item: { kind: 'control', pool: control.pool }, since: recordedAt }));
}

function isCopied(control: Control, ledger: Ledger | null): boolean {
  const books = ledger?.pools[control.pool];
  return books === undefined || (books.paused === control.paused && books.limitNow === control.limitNow);
}
