import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { countedJob, jobAfter, orderedRunner, seen, startMs } from '../../../test/fixtures/items.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import type { Commit } from '../../core/commit.ts';
import type { Job } from '../../core/job.ts';
import type { Runner } from '../../core/runner.ts';
import { logTransitions } from './transitions.ts';

const waits = jobAfter(null, startMs, seen(1));
const name = orderedRunner().name;

function linesOf(before: readonly Job[], jobs: readonly Job[], runners: readonly Runner[] = []) {
  const recorder = createRecorder();
  const commit = { jobs, runners } as unknown as Commit;
  logTransitions(recorder, commit, { jobs: before, runners: [] });
  return recorder.logs();
}

const lineOf = (before: Job, after: Job) => linesOf([before], [after])[0]?.message ?? null;

describe('the log of transitions', () => {
  it('has a line for each step of a job, and none for what is no step', () => {
    const counted = countedJob(waits);
    const ordered = { ...counted, lastOrder: { runner: name, at: startMs + 1 } };
    const started = jobAfter(ordered, startMs, seen(1, { phase: 'in_progress', runner: { id: 5, name } }));
    const completed = jobAfter(started, startMs, seen(1, { phase: 'completed', conclusion: 'success' }));
    const held = { ...countedJob(waits, 'held'), held: { until: startMs, times: 1, cause: 'max-parallel' } };
    assert.equal(lineOf(waits, counted), 'job queued');
    assert.equal(lineOf(waits, ordered), 'job ordered');
    assert.equal(lineOf(counted, held), 'job held');
    assert.equal(lineOf(started, { ...started, counted: null }), 'job started');
    assert.equal(lineOf(completed, { ...completed, counted: null }), 'job completed');
    assert.equal(lineOf(counted, { ...counted, ask: null }), null);
    assert.equal(lineOf(ordered, ordered), null);
  });

  it('takes less than a kilobyte for a job that goes well', () => {
    const long = { name: 'x'.repeat(256), repository: `${'o'.repeat(39)}/${'r'.repeat(100)}` };
    const first = jobAfter(null, startMs, seen(1, long));
    const counted = countedJob(first);
    const ordered = { ...counted, lastOrder: { runner: name, at: startMs + 1 } };
    const ran = { runner: { id: 5, name }, startedAt: startMs, completedAt: startMs };
    const started = jobAfter(ordered, startMs, seen(1, { ...long, phase: 'in_progress', ...ran }));
    const completed = jobAfter(
      started,
      startMs,
      seen(1, { ...long, phase: 'completed', conclusion: 'success', ...ran }),
    );
    const lines = [
      ...linesOf([first], [counted]),
      ...linesOf([counted], [ordered]),
      ...linesOf([started], [started]),
      ...linesOf([completed], [completed]),
    ];
    assert.equal(lines.length, 4);
    const bytes = lines.reduce((sum, line) => sum + JSON.stringify({ time: startMs, ...line }).length, 0);
    assert.ok(bytes < 1_024, `${bytes} bytes`);
  });

  it('says which runner failed and why, and nothing of one that went well', () => {
    const end = { code: 'bootDeadline', why: 'never came online' } as const;
    const [line] = linesOf([], [], [orderedRunner({ counted: null, end })]);
    assert.deepEqual(
      [line?.level, line?.fields?.['code'], line?.fields?.['runner']],
      ['warn', end.code, name],
    );
    const well = orderedRunner({ counted: null, busyAt: startMs, end: { code: 'ended', why: 'it ended' } });
    assert.deepEqual(linesOf([], [], [well]), []);
  });
});
