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
} from '../../test/fixtures/items.ts';
import type { Job } from './job.ts';
import type { Runner } from './runner.ts';
import { type Span, spanOfPlan, spansOfJob, spansOfRunner } from './spans.ts';
import { makeTraceparent, parseTraceparent } from './trace.ts';

const s = 1_000;
const random = () => 0.3;
const traceparent = makeTraceparent(null, random);
const ofRunner = makeTraceparent(traceparent, () => 0.7);
const name = `tst0-one-lint-${'0'.repeat(26)}` as Runner['name'];

/** Made at 0, stored at 1 s, ordered at 2 s, its runner online at 30 s, at work from 32 s, done at 62 s. */
function endedJob(change: Partial<Job> = {}, conclusion = 'success'): Job {
  const steps = [
    { name: 'Set up job', conclusion: 'success', startedAt: startMs + 32 * s, completedAt: startMs + 34 * s },
    { name: 'make test', conclusion, startedAt: startMs + 34 * s, completedAt: startMs + 62 * s },
    { name: 'never', conclusion: 'skipped', startedAt: null, completedAt: null },
  ];
  const queued = jobAfter(null, startMs + s, seen(1, { traceparent, createdAt: startMs }));
  const ended = jobAfter(
    { ...queued, lastOrder: { runner: name, at: startMs + 2 * s }, orders: 1 },
    startMs + 63 * s,
    seen(1, {
      phase: 'completed',
      conclusion,
      runner: { id: 5, name },
      startedAt: startMs + 32 * s,
      completedAt: startMs + 62 * s,
      steps,
    }),
  );
  return { ...ended, ...change };
}

function endedRunner(change: Partial<Runner> = {}): Runner {
  const ordered = orderedRunner({
    name,
    traceparent: ofRunner,
    orderedAt: startMs + 2 * s,
    forJob: keyOf(1),
  });
  const started = withFacts(ordered, startMs + 5 * s, ...online.slice(0, 3));
  const claimed = withFacts(started, startMs + 25 * s, ...online.slice(3, 5));
  const busy = withFacts(
    withFacts(claimed, startMs + 30 * s, { kind: 'online', gitHubId: 5 }),
    startMs + 32 * s,
    { kind: 'busy', job: keyOf(1), gitHubId: 5 },
  );
  const gone = withFacts(
    withFacts(busy, startMs + 62 * s, { kind: 'done', job: keyOf(1) }),
    startMs + 70 * s,
    { kind: 'gone', code: 'ended', why: 'it ended by itself' },
  );
  return { ...gone, ...change };
}

const byName = (spans: readonly Span[], wanted: string) => {
  const found = spans.find((span) => span.name === wanted);
  assert.ok(found, `no span ${wanted} among ${spans.map((span) => span.name).join(', ')}`);
  return found;
};
const seconds = ({ startMs: from, endMs }: Span) => [(from - startMs) / s, (endMs - startMs) / s];

describe('the trace of a job', () => {
  const spans = [...spansOfJob(endedJob(), endedRunner()), ...spansOfRunner(endedRunner(), endedJob())];

  it('has each part with its time, from when GitHub made it to the end of its machine', () => {
    assert.deepEqual(Object.fromEntries(spans.map((span) => [span.name, seconds(span)])), {
      'ci / job 1': [0, 62],
      'event delivery': [0, 1],
      queue: [1, 2],
      run: [32, 62],
      'Set up job': [32, 34],
      'make test': [34, 62],
      'runner lint': [2, 70],
      launch: [2, 5],
      boot: [5, 25],
      register: [25, 30],
      'pick-up': [30, 32],
      end: [62, 70],
    });
  });

  it('is one: every part has its parent in it, up to the one root, and no id is there twice', () => {
    const ids = new Set(spans.map(({ spanId }) => spanId));
    assert.equal(ids.size, spans.length);
    assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
    assert.deepEqual(
      spans.filter(({ parentId }) => parentId === null).map((span) => span.name),
      ['ci / job 1'],
    );
    for (const { name: child, parentId } of spans)
      assert.ok(parentId === null || ids.has(parentId), `${child} hangs on nothing`);
    assert.equal(byName(spans, 'make test').parentId, byName(spans, 'run').spanId);
    assert.equal(byName(spans, 'runner lint').spanId, parseTraceparent(ofRunner)?.spanId);
  });

  it('is the same each time that it is told', () => {
    assert.deepEqual(spansOfJob(endedJob(), endedRunner()), spansOfJob(endedJob(), endedRunner()));
  });

  it('speaks of results as OpenTelemetry does, and of what failed', () => {
    const failed = spansOfJob(endedJob({}, 'failure'), null);
    assert.equal(byName(failed, 'ci / job 1').attributes['cicd.pipeline.task.run.result'], 'failure');
    assert.equal(byName(failed, 'make test').error, 'failure');
    assert.equal(byName(failed, 'Set up job').error, null);
    const cancelled = spansOfJob(endedJob({}, 'cancelled'), null);
    assert.equal(byName(cancelled, 'ci / job 1').attributes['cicd.pipeline.task.run.result'], 'cancellation');
    assert.equal(byName(cancelled, 'ci / job 1').error, null);
  });

  it('is there for a job that never had a runner, without the parts that were not', () => {
    const never = endedJob({ runner: null, startedAt: null, lastOrder: null, orders: 0 }, 'cancelled');
    assert.deepEqual(
      spansOfJob(never, null).map((span) => span.name),
      ['ci / job 1', 'event delivery'],
    );
  });

  it('is not told while it goes on, nor where it is not kept', () => {
    const off = traceparent.replace(/01$/, '00');
    assert.deepEqual(spansOfJob({ ...endedJob(), phase: 'in_progress' }, null), []);
    assert.deepEqual(spansOfJob(endedJob({ traceparent: off }), null), []);
    assert.deepEqual(spansOfRunner(endedRunner({ goneAt: null }), null), []);
    assert.deepEqual(spansOfRunner(endedRunner({ traceparent: ofRunner.replace(/01$/, '00') }), null), []);
  });
});

describe('a runner in a trace', () => {
  it('that took the job of another trace is linked to it, and that job to the runner', () => {
    const other = endedJob({ traceparent: makeTraceparent(null, () => 0.6) });
    const [span] = spansOfRunner(endedRunner(), other);
    const wanted = parseTraceparent(other.traceparent);
    assert.deepEqual(span?.links, [{ traceId: wanted?.traceId, spanId: wanted?.spanId }]);
    const [root] = spansOfJob(other, endedRunner());
    const runner = parseTraceparent(ofRunner);
    assert.deepEqual(root?.links, [{ traceId: runner?.traceId, spanId: runner?.spanId }]);
  });

  it('whose job was over before its start was heard of has its parts by the times of that job, and no error', () => {
    const spans = spansOfRunner(
      endedRunner({ onlineAt: null, busyAt: null, end: { code: 'ended', why: 'its job is done' } }),
      endedJob(),
    );
    assert.deepEqual(seconds(byName(spans, 'register')), [25, 32]);
    assert.equal(byName(spans, 'runner lint').error, null);
  });

  it('that never booted is an error in the trace of the job that it was for', () => {
    const failed = endedRunner({
      claim: null,
      onlineAt: null,
      busyAt: null,
      doneAt: null,
      end: { code: 'bootDeadline', why: 'it was launched and never came online' },
    });
    const spans = spansOfRunner(failed, null);
    assert.deepEqual(
      spans.map((span) => span.name),
      ['runner lint', 'launch'],
    );
    assert.equal(spans[0]?.error, 'it was launched and never came online');
    assert.equal(spans[0]?.traceId, parseTraceparent(traceparent)?.traceId);
  });
});

describe('a plan', () => {
  it('is a trace of its own, linked to each that it joins and that is kept', () => {
    const context = parseTraceparent(makeTraceparent(null, () => 0.1));
    assert.ok(context);
    const off = endedJob({ traceparent: makeTraceparent(null, () => 0.4, 0) });
    const span = spanOfPlan({
      context,
      host: 'one',
      startMs,
      endMs: startMs + 5,
      version: 7,
      jobs: [endedJob(), off],
      runners: [endedRunner()],
    });
    assert.deepEqual(
      span.links.map(({ spanId }) => spanId),
      [parseTraceparent(traceparent)?.spanId, parseTraceparent(ofRunner)?.spanId],
    );
    assert.equal(span.attributes['messaging.batch.message_count'], 3);
  });
});
