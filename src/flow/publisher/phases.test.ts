import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  jobAfter,
  keyOf,
  online,
  orderedRunner,
  seen,
  startMs,
  withFacts,
} from '../../../test/fixtures/items.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import type { Commit } from '../../core/commit.ts';
import type { Job } from '../../core/job.ts';
import type { Runner } from '../../core/runner.ts';
import { metrics } from './metrics.ts';
import { observePhases } from './phases.ts';

const s = 1_000;
const name = orderedRunner().name;

/** Made at 0, stored at 1 s, ordered at 2 s, at work from 32 s to 62 s. */
function endedJob(change: Partial<Job> = {}): Job {
  const queued = jobAfter(null, startMs + s, seen(1, { createdAt: startMs }));
  const ordered: Job = { ...queued, lastOrder: { runner: name, at: startMs + 2 * s }, orders: 1 };
  const ran = { runner: { id: 5, name }, startedAt: startMs + 32 * s, completedAt: startMs + 62 * s };
  const ended = jobAfter(ordered, startMs + 63 * s, seen(1, { phase: 'completed', ...ran }));
  return { ...ended, counted: null, dirty: null, ...change };
}

/** Ordered at 2 s, launched at 5 s, claimed at 25 s, online at 30 s, busy from 32 s to 62 s, gone at 70 s. */
function endedRunner(change: Partial<Runner> = {}): Runner {
  const ordered = orderedRunner({ orderedAt: startMs + 2 * s, forJob: keyOf(1) });
  const launched = withFacts(ordered, startMs + 5 * s, ...online.slice(0, 3));
  const claimed = withFacts(launched, startMs + 25 * s, ...online.slice(3, 5));
  const up = withFacts(claimed, startMs + 30 * s, { kind: 'online', gitHubId: 5 });
  const busy = withFacts(up, startMs + 32 * s, { kind: 'busy', job: keyOf(1), gitHubId: 5 });
  const done = withFacts(busy, startMs + 62 * s, { kind: 'done', job: keyOf(1) });
  const gone = withFacts(done, startMs + 70 * s, { kind: 'gone', code: 'ended', why: 'it ended by itself' });
  return { ...gone, counted: null, dirty: null, ...change };
}

function told(given: { jobs?: Job[]; runners?: Runner[]; before?: Runner[] }) {
  const recorder = createRecorder();
  const {
    jobs = [],
    runners = [],
    before = runners.map((one): Runner => ({ ...one, counted: 'ending' })),
  } = given;
  observePhases(recorder, { jobs, runners } as unknown as Commit, { jobs: [], runners: before });
  const seconds = Object.entries(metrics).flatMap(([phase, metric]) => {
    const values = recorder.observed(metric);
    return values.length > 0 ? [[phase, values.map((ms) => ms / s)] as const] : [];
  });
  return { seconds: Object.fromEntries(seconds), recorder };
}

describe('the phases of a commit', () => {
  it('are those of a job that has ended, by its pool and host', () => {
    const { seconds, recorder } = told({ jobs: [endedJob()] });
    assert.deepEqual(seconds, { eventDeliveryMs: [1], queueMs: [1], runMs: [30] });
    assert.equal(recorder.observed(metrics.queueMs, { host: 'one', pool: 'lint' }).length, 1);
  });

  it('are those of a runner whose machine is gone', () => {
    const { seconds, recorder } = told({ runners: [endedRunner()] });
    assert.deepEqual(seconds, {
      launchMs: [3],
      bootMs: [20],
      registerMs: [5],
      pickUpMs: [2],
      endMs: [8],
    });
    assert.equal(recorder.counted(metrics.runnersFailed), 0);
  });

  it('are counted once: not while a job goes on, nor where its end is handed on to another host', () => {
    const { dirty } = jobAfter(null, startMs, seen(1));
    assert.ok(dirty);
    assert.deepEqual(told({ jobs: [endedJob({ phase: 'in_progress' })] }).seconds, {});
    assert.deepEqual(told({ jobs: [endedJob({ dirty })] }).seconds, {});
    assert.deepEqual(told({ runners: [endedRunner({ counted: 'ending' })] }).seconds, {});
    const gone = endedRunner();
    assert.deepEqual(told({ runners: [gone], before: [gone] }).seconds, {});
  });

  it('leave out what there was not: a job that was cancelled in the queue, a runner that took none', () => {
    const cancelled = endedJob({ startedAt: null, lastOrder: null });
    assert.deepEqual(told({ jobs: [cancelled] }).seconds, { eventDeliveryMs: [1] });
    const unused = endedRunner({
      busyAt: null,
      doneAt: null,
      job: null,
      end: { code: 'surplus', why: 'more than jobs' },
    });
    const { seconds, recorder } = told({ runners: [unused] });
    assert.deepEqual(seconds, { launchMs: [3], bootMs: [20], registerMs: [5] });
    assert.equal(recorder.counted(metrics.runnersFailed), 0);
  });

  it('tell of each runner that failed, with its cause', () => {
    const failed = endedRunner({
      ...{ claim: null, onlineAt: null, busyAt: null, doneAt: null, job: null },
      end: { code: 'bootDeadline', why: 'it was launched and never came online' },
    });
    const { seconds, recorder } = told({ runners: [failed] });
    assert.deepEqual(seconds, { launchMs: [3] });
    const labels = { host: 'one', pool: 'lint', cause: 'bootDeadline' };
    assert.equal(recorder.counted(metrics.runnersFailed, labels), 1);
  });
});
