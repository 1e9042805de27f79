// What is learned: merged by the core into what is known, whoever writes at the same time.

import type { JobKey, RunnerName } from '../../../core/ids.ts';
import type { JobFact } from '../../../core/job.ts';
import type { Control } from '../../../core/ledger.ts';
import type { Runner, RunnerFact } from '../../../core/runner.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { JobRecorded, RunnerRecorded } from '../../../ports/jobs-table.ts';
import { mergeJobFacts, mergeRunnerFacts } from '../record.ts';
import type { Access } from './access.ts';
import { type Addition, additionOfJob, additionOfRunner, jobOf, lastFactOf, runnerOf } from './late.ts';
import { type RowDecision, writeOptimistically } from './optimistic.ts';
import { unpack } from './pack.ts';
import { type ControlRecorded, controlsRow, type Rows } from './rows.ts';
import { controlsRowKey, jobRowKey, type Row, runnerRowKey } from './schema.ts';

export function createFacts(access: Access, rows: Rows) {
  function decideJob(found: Row | null, facts: readonly JobFact[], at: EpochMs): RowDecision<JobRecorded> {
    const before = found && jobOf(found);
    const job = mergeJobFacts(before, facts, at);
    if (job === null) return { row: null, answer: { outcome: 'unchanged', job: before } };
    return { row: rows.ofJob(job), answer: { outcome: 'recorded', job } };
  }

  function decideRunner(
    found: Row | null,
    facts: readonly RunnerFact[],
    at: EpochMs,
  ): RowDecision<RunnerRecorded> {
    if (found === null) return { row: null, answer: { outcome: 'unknown' } };
    const before = runnerOf(found);
    const merged = mergeRunnerFacts(before, facts, at);
    if (merged.outcome !== 'changed') return { row: null, answer: { ...merged, runner: before } };
    const { runner } = merged;
    return { row: rows.ofRunner(runner), answer: { outcome: 'recorded', runner } };
  }

  return {
    recordJob: (key: JobKey, facts: readonly JobFact[], at: EpochMs): Promise<JobRecorded> =>
      writeOptimistically(access, {
        key: jobRowKey(key),
        probablyNew: isFirstSighting(facts[0]),
        decide: (found) => decideJob(found, facts, at),
        addition: additionFor(additionOfJob(facts, at), (row) => ({ outcome: 'recorded', job: jobOf(row) })),
      }),

    recordRunner: (
      name: RunnerName,
      facts: readonly RunnerFact[],
      at: EpochMs,
      known?: Runner,
    ): Promise<RunnerRecorded> => {
      const key = runnerRowKey(name);
      if (key === null) return Promise.resolve({ outcome: 'unknown' });
      if (known && access.recent(key) === undefined) access.saw([rows.ofRunner(known)]);
      return writeOptimistically(access, {
        key,
        probablyNew: false,
        decide: (found) => decideRunner(found, facts, at),
        addition: additionFor(additionOfRunner(name, facts, at), addedToRunner),
      });
    },

    recordControl: (control: Control, at: EpochMs): Promise<void> =>
      writeOptimistically<void>(access, {
        key: controlsRowKey(control.host),
        probablyNew: false,
        decide(found) {
          const others = found === null ? [] : unpack<ControlRecorded[]>(found.item);
          const controls = [
            ...others.filter((other) => other.control.pool !== control.pool),
            { control, recordedAt: at },
          ];
          const version = (found?.version ?? 0) + 1;
          const row = controlsRow(control.host, controls, version, `${control.pool}#${version}`);
          return { row, answer: undefined };
        },
      }),
  };
}

function additionFor<Answer>(what: Addition | null, answer: (row: Row) => Answer) {
  return what && { what, answer };
}

/** The last of its facts is ours: no other writer comes between an update and what it answers. */
function addedToRunner(row: Row): RunnerRecorded {
  const { before, fact, at } = lastFactOf(row);
  const merged = mergeRunnerFacts(before, [fact], at);
  return merged.outcome === 'changed'
    ? { outcome: 'recorded', runner: merged.runner }
    : { ...merged, runner: runnerOf(row) };
}

/** GitHub's `queued` comes first, but for a redelivery or an event that was overtaken. */
function isFirstSighting(fact: JobFact | undefined): boolean {
  return fact?.kind === 'seen' && (fact.sighting.phase === 'queued' || fact.sighting.phase === 'gated');
}
