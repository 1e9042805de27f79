// The rows of the table of transitions that concern jobs.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countedJob, jobAfter, oneHost, seen, startMs } from '../../test/fixtures/items.ts';
import type { HostName } from './ids.ts';
import { type JobRoute, mergeJob, sameRoute } from './job.ts';

const r1 = { id: 5, name: `tst0-one-lint-${'0'.repeat(26)}` };
const refused: JobRoute = { kind: 'refused', code: 'noPool', text: 'no pool has the label "gpu"' };
const two = 'two' as HostName;

const queued = seen(1);
const gated = seen(1, { phase: 'gated' });
const inProgress = seen(1, { phase: 'in_progress', runner: r1, runnerHost: oneHost, startedAt: startMs });
const completed = seen(1, { phase: 'completed', conclusion: 'success', runner: r1, runnerHost: oneHost });
const after = (...facts: Parameters<typeof jobAfter>[2][]) => jobAfter(null, startMs, ...facts);

describe("a job's phase", () => {
  it('is gated for an unknown job with the status `waiting`, which nobody has to hear of', () => {
    const job = after(gated);
    assert.equal(job.phase, 'gated');
    assert.equal(job.dirty, null);
  });

  it('is queued for an unknown or a gated job, which its host has to hear of', () => {
    for (const job of [after(queued), after(gated, queued)]) {
      assert.equal(job.phase, 'queued');
      assert.equal(job.queuedSeenAt, startMs);
      assert.equal(job.dirty?.host, 'one');
    }
  });

  it('only moves forward, whatever order the events come in', () => {
    assert.equal(after(completed, inProgress, queued, gated).phase, 'completed');
    assert.equal(after(inProgress, queued, gated).phase, 'in_progress');
    assert.equal(after(queued, gated).phase, 'queued');
  });

  it('takes a job that is heard of at its start or end first', () => {
    assert.equal(after(inProgress).startedSeenAt, startMs);
    assert.equal(after(completed).completedSeenAt, startMs);
  });

  it('a duplicate tells nothing', () => {
    for (const facts of [[queued], [queued, inProgress], [queued, completed], [gated]]) {
      const job = after(...facts);
      const last = facts.at(-1);
      assert(last);
      assert.equal(mergeJob(job, last, startMs + 1), null);
    }
  });

  it('is completed where GitHub does not know the job any more', () => {
    const job = jobAfter(after(queued), startMs + 9, { kind: 'vanished' });
    assert.equal(job.phase, 'completed');
    assert.equal(job.completedSeenAt, startMs + 9);
    assert.equal(mergeJob(job, { kind: 'vanished' }, startMs), null);
    assert.equal(mergeJob(null, { kind: 'vanished' }, startMs), null);
  });
});

describe('the runner of a job', () => {
  it('is named by in_progress, and by a late in_progress after a completed without one', () => {
    assert.deepEqual(after(queued, inProgress).runner, r1);
    const ended = countedJob(after(queued, seen(1, { phase: 'completed' })));
    const late = jobAfter({ ...ended, counted: null }, startMs + 5, inProgress);
    assert.equal(late.phase, 'completed');
    assert.deepEqual(late.runner, r1);
    assert.ok(late.dirty, 'its host has to hear which runner it was');
  });

  it('is kept by a completed that names none', () => {
    const job = after(queued, inProgress, seen(1, { phase: 'completed', conclusion: 'cancelled' }));
    assert.deepEqual(job.runner, r1);
    assert.equal(job.conclusion, 'cancelled');
  });

  it('has to hear of a job that fits no pool', () => {
    const job = after(seen(1, { phase: 'in_progress', route: refused, runner: r1, runnerHost: two }));
    assert.equal(job.dirty?.host, 'two');
    assert.equal(after(seen(1, { route: refused })).dirty, null);
  });
});

describe('the mark of what is not counted', () => {
  it('is put where the job is counted, and stays where it is until it is counted', () => {
    const counted = { ...countedJob(after(queued)), route: refused };
    const moved = jobAfter(counted, startMs + 5, inProgress);
    assert.equal(moved.dirty?.host, 'one');
    const again = jobAfter({ ...moved, counted: null }, startMs + 9, completed);
    assert.equal(again.dirty?.host, 'one');
    assert.equal(again.dirty?.since, startMs + 5);
  });

  it('moves with each change, so that none is taken for the one before', () => {
    const first = after(queued);
    const second = jobAfter(first, startMs, inProgress);
    const third = jobAfter(second, startMs, completed);
    const changes = [first, second, third].map((job) => job.dirty?.change ?? 0);
    assert.deepEqual(
      changes,
      [...new Set(changes)].sort((a, b) => a - b),
    );
    const counted = countedJob(first);
    const later = jobAfter(counted, startMs, inProgress);
    assert.ok((later.dirty?.change ?? 0) > (first.dirty?.change ?? 0));
  });
});

describe('an answer to an ask', () => {
  it('moves the job forward only', () => {
    const answer = { ...inProgress, by: 'answer' as const };
    assert.equal(jobAfter(after(queued), startMs, answer).phase, 'in_progress');
    assert.equal(mergeJob(after(completed), { ...queued, by: 'answer' as const }, startMs), null);
  });

  it('"still queued" is noted with its purpose, for a job that waits; it ends the ask', () => {
    const asked = { ...countedJob(after(queued)), ask: { dueAt: startMs, purpose: 'secondOrder' as const } };
    const job = jobAfter(asked, startMs + 7, { kind: 'stillQueued', purpose: 'secondOrder' });
    assert.deepEqual(job.confirmed, { at: startMs + 7, purpose: 'secondOrder' });
    assert.equal(job.ask, null);
    assert.equal(job.dirty?.host, 'one');
    const late = { kind: 'stillQueued', purpose: 'secondOrder' } as const;
    assert.equal(mergeJob(after(queued, inProgress), late, startMs), null, 'GitHub lags behind its events');
    assert.equal(mergeJob(null, late, startMs), null);
  });

  it('that tells nothing puts the next one off: a minute for a job that waits, ever longer for one that runs', () => {
    const ask = { dueAt: startMs, purpose: 'orphan' as const };
    const waits = jobAfter({ ...after(queued), ask }, startMs + 5, { kind: 'asked' });
    assert.equal(waits.ask?.dueAt, startMs + 5 + 60_000);
    const runs = { ...after(queued, inProgress), ask };
    const dueAfter = (ageMs: number) => {
      const next = jobAfter(runs, startMs + ageMs, { kind: 'asked' }).ask?.dueAt ?? 0;
      return next - startMs - ageMs;
    };
    assert.deepEqual(
      [1_000, 600_000, 3_600_000, 100 * 3_600_000].map(dueAfter),
      [60_000, 600_000, 3_600_000, 7_200_000],
    );
    assert.equal(jobAfter(after(queued), startMs, { kind: 'asked' }).ask, null);
  });

  it('that a fault left unanswered is made again in a minute, whatever the age; a refusal that lasts, ever later', () => {
    const ask = { dueAt: startMs, purpose: 'secondOrder' as const };
    const old = { ...after(queued), ask };
    const dueAfter = (lasting: boolean) =>
      (jobAfter(old, startMs + 3_600_000, { kind: 'unanswered', lasting }).ask?.dueAt ?? 0) -
      startMs -
      3_600_000;
    assert.deepEqual([dueAfter(false), dueAfter(true)], [60_000, 3_600_000]);
  });

  it('is no longer waited for when an event has moved the job', () => {
    const ask = { dueAt: startMs, purpose: 'secondOrder' as const };
    assert.equal(jobAfter({ ...after(queued), ask }, startMs, inProgress).ask, null);
  });
});

describe('where a job belongs', () => {
  const elsewhere: JobRoute = {
    kind: 'lane',
    lane: 'big#acme#default' as never,
    host: two,
    scope: { owner: 'acme', repository: null, installation: 7 },
    group: 'default',
  };

  it('changes by a new configuration, while it has not ended; where it is counted hears of it first', () => {
    const job = jobAfter(countedJob(after(queued)), startMs, { kind: 'rerouted', route: elsewhere });
    assert.ok(sameRoute(job.route, elsewhere));
    assert.equal(job.dirty?.host, 'one');
    assert.equal(mergeJob(job, { kind: 'rerouted', route: { ...elsewhere } }, startMs), null);
    assert.equal(mergeJob(after(completed), { kind: 'rerouted', route: elsewhere }, startMs), null);
  });

  it('is decided anew for a gated job when it is queued: the configuration may be another by then', () => {
    const job = after(gated, seen(1, { route: elsewhere }));
    assert.ok(sameRoute(job.route, elsewhere));
    assert.equal(job.dirty?.host, 'two');
  });

  it('is not changed by events of a job that is counted already', () => {
    const job = after(queued, seen(1, { phase: 'in_progress', route: elsewhere }));
    assert.equal(job.route.kind === 'lane' && job.route.host, 'one');
  });
});

describe('the end of a hold', () => {
  it('is news for a job that is held, and for no other', () => {
    const job = countedJob(after(queued), 'held');
    assert.ok(jobAfter(job, startMs, { kind: 'holdEnded' }).dirty);
    assert.equal(mergeJob(countedJob(after(queued)), { kind: 'holdEnded' }, startMs), null);
    assert.equal(mergeJob(null, { kind: 'holdEnded' }, startMs), null);
  });
});
