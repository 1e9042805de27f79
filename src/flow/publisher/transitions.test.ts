import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import { countedJob, jobAfter, orderedRunner, seen, startMs } from '../../../test/fixtures/items.ts';
import { createConsole } from '../../adapters/telemetry/console/index.ts';
import { createEmfTelemetry } from '../../adapters/telemetry/emf/index.ts';
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

  const clock = { now: () => startMs, after: () => () => {}, sleep: () => Promise.resolve() };
  for (const [where, telemetryTo] of [
    [
      'embedded',
      (write: (line: string) => void) =>
        createConsole({ clock, level: 'info', format: 'json', output: { write } }),
    ],
    [
      'on AWS',
      (write: (line: string) => void) => {
        const fields = { function: 'publisher' };
        const telemetry = createEmfTelemetry({
          ...{ write, clock, fields, level: 'info', namespace: 'n' },
          metrics: new Map(),
        });
        telemetry.begin(randomUUID());
        return telemetry;
      },
    ],
  ] as const)
    it(`takes less than a kilobyte ${where} for a job that goes well, with its pool, runner and trace in each line`, () => {
      const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
      // As long as a runner's name may be, and a repository's and a pool's are.
      const ofGitHub = {
        traceparent,
        repository: `${'o'.repeat(20)}/${'r'.repeat(40)}`,
        name: 'x'.repeat(256),
      };
      const runnersName = `abcdef-kubernetes-linuxlarge-${'0'.repeat(26)}` as Runner['name'];
      const lane = {
        kind: 'lane',
        host: 'one',
        lane: 'linux-large#acme##default',
      } as unknown as Job['route'];
      const first = { ...jobAfter(null, startMs, seen(48_123_456_789, ofGitHub)), route: lane };
      const counted = countedJob(first);
      const ordered = { ...counted, lastOrder: { runner: runnersName, at: startMs + 1 } };
      const ran = {
        ...ofGitHub,
        runner: { id: 5, name: runnersName },
        startedAt: startMs + 61_234,
        completedAt: startMs + 3_661_234,
      };
      const started = jobAfter(ordered, startMs, seen(48_123_456_789, { ...ran, phase: 'in_progress' }));
      const completed = jobAfter(
        started,
        startMs,
        seen(48_123_456_789, { ...ran, phase: 'completed', conclusion: 'success' }),
      );
      let log = '';
      const telemetry = telemetryTo((line) => {
        log += line;
      });
      for (const [before, job] of [
        [first, counted],
        [counted, ordered],
        [started, started],
        [completed, completed],
      ] as const)
        logTransitions(telemetry, { jobs: [job], runners: [] as Runner[] } as unknown as Commit, {
          jobs: [before],
          runners: [],
        });
      const lines = log
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      assert.equal(lines.length, 4);
      for (const [index, line] of lines.entries()) {
        assert.equal(line['job'], 48_123_456_789);
        assert.equal(line['pool'], 'linux-large');
        assert.equal(line['trace'], 'a'.repeat(32));
        if (index > 0) assert.equal(line['runner'], runnersName);
      }
      assert.ok(log.length < 1_024, `${log.length} bytes`);
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
