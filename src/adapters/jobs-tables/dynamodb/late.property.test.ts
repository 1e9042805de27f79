// Facts added without a read, one after the other on one item that a Publisher counts now and then: each leaves the item
// as the core's rules make it, and the indexes as an ordinary write would.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MachineId } from '../../../core/ids.ts';
import type { JobFact, JobPhase } from '../../../core/job.ts';
import { type Runner, type RunnerFact, runnerClass } from '../../../core/runner.ts';
import type { JobsTable } from '../../../ports/jobs-table.ts';
import { deadlinesOfContract as deadlines } from '../../../ports/jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aRunner,
  counted,
  hostA,
  hostB,
  laneOf,
  nowhere,
  routeTo,
  seen,
  startMs,
} from '../../../ports/testing.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { mergeJobFacts, mergeRunnerFacts } from '../record.ts';
import { changesOf } from './changes.ts';
import { createDynamoDbJobsTable } from './index.ts';
import type { Row } from './schema.ts';
import { assertPackedAnew } from './testing.ts';
import { createMemoryDynamoDb } from './testing-memory.ts';

const keepMs = 8 * 24 * 60 * 60_000;
type Told = { host: string }[];

/** `open`: the table as another process sees it, which knows nothing of the item yet. */
function createTables() {
  const told: Told = [];
  const store = createMemoryDynamoDb({ onRecords: (records) => told.push(...records.flatMap(changesOf)) });
  const options = {
    clock: createVirtualClock(startMs),
    random: createSeededRandom('late'),
    deadlines,
    keepMs,
  };
  const open = (): JobsTable =>
    createDynamoDbJobsTable({ client: store.client(), tableName: 'runs', ...options });
  const check = () => {
    for (const row of store.items.values()) assertPackedAnew(row as unknown as Row, { deadlines, keepMs });
  };
  const added = () =>
    [...store.items.values()].reduce((sum, row) => sum + ((row['late'] as [])?.length ?? 0), 0);
  const bytes = () => Buffer.byteLength(JSON.stringify([...store.items.values()]));
  return { open, check, told, added, bytes };
}

const machine = (name: string) => name as MachineId;

const step = { name: 'make test', conclusion: 'success', startedAt: startMs + 1, completedAt: startMs + 2 };
/** Of a trace that is kept, and of one that is not. */
const traceparents = ['01', '00'].map((flags) => `00-${'1'.repeat(32)}-${'2'.repeat(16)}-${flags}`);

test('whatever is added to a job, it is as the rules say, and stands where it should', async () => {
  const aSeen = fc
    .record({
      phase: fc.constantFrom<JobPhase>('gated', 'queued', 'in_progress', 'in_progress', 'completed'),
      runner: fc.constantFrom(null, { id: 7, name: 'test-hosta-lint-1' }, { id: null, name: 'a stranger' }),
      runnerHost: fc.constantFrom(null, hostA, hostB),
      route: fc.constantFrom(routeTo(), routeTo(), routeTo(), routeTo(laneOf(1), hostB), nowhere),
      installation: fc.constantFrom(7, 7, 7, 6, 8),
      conclusion: fc.constantFrom(null, 'success'),
      startedAt: fc.constantFrom(null, startMs + 3),
      steps: fc.constantFrom([], [step]),
      traceparent: fc.constantFrom(...traceparents),
      by: fc.constantFrom('webhook' as const, 'lookup' as const),
    })
    .map(
      ({ phase, by, ...given }): JobFact => ({
        ...(seen(1, phase, given) as Extract<JobFact, { kind: 'seen' }>),
        by,
      }),
    );
  const aStep = fc.oneof(
    { weight: 5, arbitrary: aSeen },
    fc.constant<JobFact>({ kind: 'stillQueued', purpose: 'idleRunner' }),
    fc.constant<JobFact>({ kind: 'holdEnded' }),
    fc.constantFrom('fresh' as const, 'ordered' as const, 'held' as const, null),
  );
  let added = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...traceparents),
      fc.array(aStep, { maxLength: 10 }),
      async (traceparent, steps) => {
        const { open, check, told, added: addedNow } = createTables();
        const first = seen(1, 'queued', { traceparent });
        let job = mergeJobFacts(null, [first], startMs);
        await open().recordJob(aJobKey(1), [first], startMs);
        let version = 0;
        for (const [i, step] of steps.entries()) {
          const at = startMs + 10 * (i + 1);
          const tellings = told.length;
          assert.ok(job);
          if (step === null || typeof step === 'string') {
            job = counted(job, step);
            const held = step === 'held' ? { until: at + 5, times: 1, cause: 'it waits' } : null;
            job = { ...job, held };
            const committed = await open().commit(aCommit(version, { jobs: [job] }));
            assert.deepEqual(committed, { outcome: 'committed' });
            job = { ...job, version: job.version + 1 };
            version += 1;
          } else {
            const merged = mergeJobFacts(job, [step], at);
            const recorded = await open().recordJob(aJobKey(1), [step], at);
            assert.deepEqual(recorded, { outcome: merged ? 'recorded' : 'unchanged', job: merged ?? job });
            const isTold =
              merged !== null && merged.dirty !== null && merged.dirty.change !== job.dirty?.change;
            assert.deepEqual(
              told.slice(tellings).map(({ host }) => host),
              isTold ? [merged.dirty?.host] : [],
            );
            job = merged ?? job;
          }
          assert.deepEqual(await open().readJob(aJobKey(1)), job);
          added += addedNow();
          check();
        }
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(added > 100, `${added} facts lay beside a job: too few to tell anything`);
});

test('steps cost nothing where no trace is kept, and are not lost where one is, whatever their own event says', async () => {
  const [kept = '', notKept = ''] = traceparents;
  const steps = Array.from({ length: 30 }, () => step);
  for (const [ofJob, ofEvent, isKept] of [
    [notKept, notKept, false],
    [notKept, kept, false],
    [kept, notKept, true],
    [kept, kept, true],
  ] as const) {
    const { open, bytes } = createTables();
    await open().recordJob(aJobKey(1), [seen(1, 'queued', { traceparent: ofJob })], startMs);
    const before = bytes();
    const given = { steps, traceparent: ofEvent };
    await open().recordJob(aJobKey(1), [seen(1, 'in_progress', given)], startMs + 10);
    await open().recordJob(aJobKey(1), [seen(1, 'completed', given)], startMs + 20);
    const grown = bytes() - before;
    if (ofJob === notKept && ofEvent === notKept) assert.ok(grown < 700, `${grown} bytes for two events`);
    assert.equal((await open().readJob(aJobKey(1)))?.steps.length, isKept ? 30 : 0);
  }
});

test('whatever is added to a runner, it is as the rules say, and stands where it should', async () => {
  const lease = { kind: 'lease', owner: 'me', until: startMs + 1_000 } as const;
  const mark = { kind: 'mark', owner: 'me' } as const;
  const gone = (of: string | null) =>
    ({ kind: 'gone', code: 'ended', why: 'it ended', machine: of === null ? null : machine(of) }) as const;
  const aFact = fc.constantFrom<RunnerFact>(
    { kind: 'launched', machine: machine('m1') },
    { kind: 'claim', windowMs: 50, timesMax: 2 },
    { kind: 'claim', windowMs: 50, timesMax: 2 },
    { kind: 'note', what: 'machine: booted', machineNotesMax: 3 },
    { kind: 'note', what: 'news' },
    { kind: 'minted', gitHubId: 7 },
    { kind: 'online', gitHubId: 7 },
    { kind: 'busy', job: null, gitHubId: 7 },
    { kind: 'removing', code: 'surplus', why: 'too many' },
    { kind: 'standby' },
    { kind: 'done', job: null },
    gone('m1'),
    gone('m1'),
    gone('m2'),
    gone(null),
    { ...gone(null), neverClaimed: true },
  );
  let added = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.boolean(),
      fc.boolean(),
      fc.array(fc.oneof({ weight: 5, arbitrary: aFact }, fc.constant('count' as const)), { maxLength: 12 }),
      async (isSpare, isCounted, steps) => {
        const { open, check, told, added: addedNow } = createTables();
        const ordered = aRunner(1, {
          ...(isSpare && { lane: null, scope: null }),
          counted: isCounted ? 'coming' : null,
        });
        await open().commit(aCommit(0, { runnersNew: [ordered] }));
        let runner: Runner = { ...ordered, version: 1 };
        let version = 1;
        for (const [i, step] of [[lease, mark], ...steps].entries()) {
          const at = startMs + 10 * i;
          const tellings = told.length;
          if (step === 'count') {
            runner = { ...runner, counted: runnerClass(runner), dirty: null };
            const committed = await open().commit(aCommit(version, { runners: [runner] }));
            assert.deepEqual(committed, { outcome: 'committed' });
            runner = { ...runner, version: runner.version + 1 };
            version += 1;
          } else {
            const facts = [step].flat();
            const merged = mergeRunnerFacts(runner, facts, at);
            const recorded = await open().recordRunner(runner.name, facts, at);
            const before = runner;
            // A note that is refused may have been written all the same, as nothing.
            runner = (await open().readRunner(runner.name)) as Runner;
            if (merged.outcome === 'changed') {
              assert.deepEqual(recorded, { outcome: 'recorded', runner: merged.runner });
              assert.deepEqual(runner, merged.runner);
            } else {
              assert.equal(recorded.outcome, merged.outcome);
              assert.deepEqual(runner, { ...before, version: runner.version });
            }
            const isTold = runner.dirty !== null && runner.dirty.change !== before.dirty?.change;
            assert.equal(told.length - tellings, isTold ? 1 : 0);
          }
          added += addedNow();
          check();
        }
      },
    ),
    { numRuns: 400 },
  );
  assert.ok(added > 200, `${added} facts lay beside a runner: too few to tell anything`);
});
