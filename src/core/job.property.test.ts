// Facts of a job in any order and any number of times.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { oneHost, seen, startMs } from '../../test/fixtures/items.ts';
import type { HostName } from './ids.ts';
import { type Job, type JobFact, type JobPhase, mergeJob } from './job.ts';

const ranks: Record<JobPhase, number> = { gated: 0, queued: 1, in_progress: 2, completed: 3 };
const runner = { id: 5, name: `tst0-two-lint-${'0'.repeat(26)}` };
const two = 'two' as HostName;

const sighting = fc
  .record({
    phase: fc.constantFrom<JobPhase>('gated', 'queued', 'in_progress', 'completed'),
    named: fc.boolean(),
  })
  .map(({ phase, named }): JobFact => {
    const runs = phase === 'in_progress' || phase === 'completed';
    return seen(1, { phase, ...(runs && named ? { runner, runnerHost: two } : {}) });
  });

const fact: fc.Arbitrary<JobFact> = fc.oneof(
  { weight: 4, arbitrary: sighting },
  fc.constant<JobFact>({ kind: 'vanished' }),
  fc.constant<JobFact>({ kind: 'asked' }),
  fc.boolean().map((lasting): JobFact => ({ kind: 'unanswered', lasting })),
  fc.constant<JobFact>({ kind: 'holdEnded' }),
  fc.constant<JobFact>({ kind: 'stillQueued', purpose: 'secondOrder' }),
  fc.constant<JobFact>({
    kind: 'rerouted',
    route: { kind: 'refused', code: 'noPool', text: 'no pool has its labels' },
  }),
);
const facts = fc.array(fact, { maxLength: 25 });

function histories(all: readonly JobFact[]): Job[] {
  const jobs: Job[] = [];
  for (const [index, one] of all.entries()) {
    const before = jobs.at(-1) ?? null;
    const merged = mergeJob(before, one, startMs + index);
    if (merged) jobs.push({ ...merged, version: (before?.version ?? 0) + 1 });
  }
  return jobs;
}

describe('facts of a job, in any order and any number of times', () => {
  it('never move its phase back, and never lose its runner, its mark or a time', () => {
    fc.assert(
      fc.property(facts, (all) => {
        let before: Job | null = null;
        for (const job of histories(all)) {
          if (before) {
            assert.ok(ranks[job.phase] >= ranks[before.phase]);
            if (before.runner) assert.deepEqual(job.runner, before.runner);
            if (before.dirty) {
              assert.equal(job.dirty?.since, before.dirty.since);
              assert.ok((job.dirty?.change ?? 0) >= before.dirty.change);
            }
            for (const time of ['firstSeenAt', 'queuedSeenAt', 'startedSeenAt', 'completedSeenAt'] as const)
              if (before[time] !== null) assert.equal(job[time], before[time]);
          }
          before = job;
        }
      }),
    );
  });

  it('end at the furthest phase that any of them told', () => {
    fc.assert(
      fc.property(facts, (all) => {
        const told = all.flatMap((one) => (one.kind === 'seen' ? ranks[one.sighting.phase] : []));
        const job = histories(all).at(-1);
        if (!job) return;
        assert.ok(ranks[job.phase] >= Math.max(...told));
      }),
    );
  });

  it('mark every change of phase that counts for its host, or for that of its runner', () => {
    fc.assert(
      fc.property(facts, (all) => {
        let before: Job | null = null;
        for (const job of histories(all)) {
          const moved = job.phase !== before?.phase && job.phase !== 'gated';
          if (moved && (job.route.kind === 'lane' || before?.dirty)) {
            assert.notEqual(job.dirty?.change, before?.dirty?.change);
            assert.ok(job.dirty?.host === oneHost || job.dirty?.host === two);
          }
          before = job;
        }
      }),
    );
  });

  it('told twice in a row tell nothing the second time, but that it was asked', () => {
    fc.assert(
      fc.property(facts, sighting, (all, one) => {
        const job = histories([...all, one]).at(-1) ?? null;
        assert.equal(mergeJob(job, one, startMs + 999), null);
      }),
    );
  });
});
