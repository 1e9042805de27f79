// Traces of jobs through the deployed system: from the webhook's function through table, stream, topics and queues to
// the machine and back, as a receiver gets them that decodes by OpenTelemetry's own schema.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../../scripts/otlp-receiver.ts';
import { checkTrace } from '../fixtures/traces.ts';
import { depthOf, isDeadLetters, lint, queueNamed, small, startTrial, type Trial } from './harness.ts';
import { logLinesOf } from './logs.ts';

/** A machine that is busy with all other things takes ten times as long as a quiet one. */
const withinMs = 150_000;
const testMs = 170_000;
const durationMs = 100;
const jobs = 6;

describe('traces of the deployed system', { timeout: 10 * 60_000 }, () => {
  let receiver: OtlpReceiver;
  let trial: Trial;

  before(
    async () => {
      receiver = await startOtlpReceiver();
      const to = `${receiver.endpoint}/v1/traces`;
      trial = await startTrial({ settings: { tracing: { to } } });
    },
    { timeout: testMs },
  );
  after(
    async () => {
      await trial?.stop();
      await receiver?.stop();
    },
    { timeout: testMs },
  );

  /** A message may come twice, and its spans with it, each with the id that it had. */
  async function received(): Promise<ReceivedSpan[]> {
    return [...new Map((await receiver.spans()).map((span) => [span.spanId, span])).values()];
  }

  function tracesOfJobs(spans: readonly ReceivedSpan[]): ReceivedSpan[][] {
    return [...Map.groupBy(spans, ({ traceId }) => traceId).values()].filter((trace) =>
      trace.some(({ name }) => name === 'run'),
    );
  }

  it('are whole: one for each job, with its runner, and every plan linked to those that it joined', {
    timeout: testMs,
  }, async () => {
    const { world, ticking, eventually } = trial;
    const burst = world.enqueue([
      { pool: small, jobs: jobs - 2, durationMs },
      { pool: lint, jobs: 2, durationMs },
    ]);
    await ticking(async () => {
      await burst.served(withinMs);
      await world.emptied(withinMs);
      await eventually(
        'each job and each runner is told of',
        async () => {
          const spans = await received();
          const runners = spans.filter(({ name }) => name.startsWith('runner '));
          return tracesOfJobs(spans).length === jobs && runners.length >= jobs;
        },
        withinMs,
      );
    });
    const spans = await received();
    const traces = tracesOfJobs(spans);
    assert.equal(traces.length, jobs);
    for (const trace of traces) checkTrace(trace);
    const ofRunners = traces.flatMap((trace) => {
      const runner = trace.find(({ name }) => name.startsWith('runner '));
      return runner
        ? [trace.filter(({ parentId }) => parentId === runner.spanId).map(({ name }) => name)]
        : [];
    });
    assert.equal(ofRunners.length, jobs, 'a runner is part of the trace of the job that it was for');
    // No end, where a machine was gone before anybody heard that its job was over.
    for (const parts of ofRunners)
      for (const part of ['launch', 'boot'])
        assert.ok(parts.includes(part), `${part} is missing among ${parts.join(', ')}`);
    // A job of no time may be over before anybody heard that its runner was online.
    assert.ok(ofRunners.some((parts) => parts.includes('register')));
    const plans = spans.filter(({ name }) => name.startsWith('plan '));
    assert.deepEqual([...new Set(plans.map(({ name }) => name))].sort(), ['plan one', 'plan two']);
    const linked = new Set(plans.flatMap(({ links }) => links.map(({ traceId }) => traceId)));
    for (const [root] of traces) assert.ok(linked.has(root?.traceId ?? ''), 'each job was joined by a plan');
  });

  it('are named in the log: less than a kilobyte for each job, a line for each of its steps, and no secret', {
    timeout: testMs,
  }, async (t) => {
    const { app } = trial.world;
    const traces = new Set(tracesOfJobs(await received()).map(([root]) => root?.traceId));
    const all = await logLinesOf(trial.cloud.endpoint);
    const ofJobs = all.flatMap(({ text }) => {
      const line = readLine(text);
      return line?.['level'] === 'info' && 'job' in line ? [{ text, line }] : [];
    });
    const byJob = Map.groupBy(ofJobs, ({ line }) => line['job']);
    assert.equal(byJob.size, jobs);
    for (const [job, lines] of byJob) {
      const bytes = lines.reduce((sum, { text }) => sum + Buffer.byteLength(`${text}\n`), 0);
      t.diagnostic(`job ${job}: ${lines.map(({ line }) => line['message']).join(', ')}: ${bytes} bytes`);
      assert.ok(bytes < 1_024, `${bytes} bytes:\n${lines.map(({ text }) => text).join('\n')}`);
      // What is over in a moment may be counted together.
      assert.ok(lines.some(({ line }) => line['message'] === 'job completed' && line['runner'] !== null));
      for (const { line } of lines) {
        assert.ok(traces.has(String(line['trace'])), 'its trace is one that was received');
        assert.ok(['small', 'lint'].includes(String(line['pool'])));
      }
    }
    const bytes = all.reduce((sum, { text }) => sum + Buffer.byteLength(`${text}\n`), 0);
    t.diagnostic(
      `${all.length} lines with metrics and Lambda's own: ${Math.round(bytes / jobs)} bytes a job`,
    );
    const key = app.privateKey.replace(/-----[A-Z ]+-----/g, '').replaceAll('\n', '');
    for (const { group, text } of all) {
      for (const secret of [app.webhookSecret, key.slice(100, 140), key.slice(-80, -40)])
        assert.ok(!text.includes(secret), group);
      assert.doesNotMatch(text, /gh[sopur]_[A-Za-z0-9]{10}|eyJ[\w-]{10,}\.eyJ|PRIVATE KEY/, group);
      assert.doesNotMatch(text, /[A-Za-z0-9+/=]{200}/, `${group}: as long as a just-in-time configuration`);
    }
  });

  it('do not trouble the flow: the queue of spans is empty, and nothing of it is a dead letter', {
    timeout: testMs,
  }, async () => {
    const queue = queueNamed(trial, 'TracerQueue');
    await trial.eventually('the queue is empty', async () => (await depthOf(trial, queue)) === 0, withinMs);
    const dead = trial.queues.filter(isDeadLetters).filter(({ logicalId }) => logicalId.startsWith('Tracer'));
    assert.equal(dead.length, 1);
    for (const one of dead) assert.equal(await depthOf(trial, one), 0);
  });

  it('lose nothing of a job where the back end is away', { timeout: testMs }, async () => {
    await receiver.stop();
    const burst = trial.world.enqueue([{ pool: small, jobs: 2, durationMs }]);
    await trial.ticking(async () => {
      await burst.served(withinMs);
      await trial.world.emptied(withinMs);
    });
    assert.ok(burst.jobs.every(({ conclusion }) => conclusion === 'success'));
  });
});

/** Lambda writes lines of its own, which are no JSON. */
function readLine(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
