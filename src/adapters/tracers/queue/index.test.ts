import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Span } from '../../../core/spans.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { Topic } from '../../../ports/queue.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createRecorder } from '../../telemetry/recorder/index.ts';
import { createQueueTracer, type PackedSpans, unpackSpans } from './index.ts';
import { packSpans } from './pack.ts';

function spanOf(n: number, name = 'run'): Span {
  return {
    traceId: 'ab'.repeat(16),
    spanId: n.toString(16).padStart(16, '0'),
    parentId: n === 1 ? null : '0'.repeat(15).concat('1'),
    name,
    kind: 'internal',
    startMs: 1_000 + n,
    endMs: 2_000 + n,
    error: n % 2 ? 'failure' : null,
    attributes: { 'cicd.pipeline.task.name': name, 'runners.attempt': n, ok: true },
    links: [{ traceId: 'cd'.repeat(16), spanId: 'ef'.repeat(8) }],
  };
}

const spans = (count: number) => Array.from({ length: count }, (_, n) => spanOf(n + 1));

/** What gzip can make nothing of. */
function noise(length: number): string {
  let seed = 1;
  return Array.from({ length }, () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return String.fromCodePoint(0x4e00 + (seed % 20_000));
  }).join('');
}

describe('spans packed into messages', () => {
  it('are the same when they come out, in their order', () => {
    const given = spans(300);
    const { packed, tooLarge } = packSpans(given);
    assert.equal(tooLarge, 0);
    assert.deepEqual(
      packed.flatMap((one) => unpackSpans(one).spans),
      given,
    );
  });

  it('fit into a message of SQS, however many and however long', () => {
    const given = Array.from({ length: 60 }, (_, n) => spanOf(n + 1, noise(8_000)));
    const { packed, tooLarge } = packSpans(given);
    assert.equal(tooLarge, 0);
    assert.ok(packed.length > 1);
    for (const one of packed) assert.ok(JSON.stringify(one).length < 256 * 1024);
    assert.deepEqual(
      packed.flatMap((one) => unpackSpans(one).spans.map(({ spanId }) => spanId)),
      given.map(({ spanId }) => spanId),
    );
  });

  it('leave out one that is larger than a message, and no other', () => {
    const { packed, tooLarge } = packSpans([spanOf(1), spanOf(2, noise(300_000)), spanOf(3)]);
    assert.equal(tooLarge, 1);
    assert.deepEqual(
      packed.flatMap((one) => unpackSpans(one).spans.map(({ spanId }) => Number(spanId))),
      [1, 3],
    );
  });

  it('are refused where a message is none of ours, or would grow beyond its bound', async () => {
    const { gzipSync } = await import('node:zlib');
    const bomb = gzipSync(Buffer.alloc(50 * 1024 * 1024)).toString('base64');
    const odd = gzipSync(JSON.stringify([{ ...spanOf(1), traceId: 'no' }])).toString('base64');
    for (const value of [null, {}, { spans: 'hello!' }, { spans: bomb }, { spans: odd }])
      assert.throws(() => unpackSpans(value));
  });
});

describe('a tracer that tells a queue', () => {
  function tracerTo(publish: Topic<PackedSpans>['publish']) {
    const clock = createVirtualClock(0 as EpochMs);
    const telemetry = createRecorder();
    return { clock, telemetry, tracer: createQueueTracer({ queue: { publish }, clock, telemetry }) };
  }

  it('sends what one event had to tell together, when it ends', async () => {
    const sent: PackedSpans[][] = [];
    const { tracer } = tracerTo(async (messages) => {
      sent.push(messages.map(({ body }) => body));
    });
    tracer.export(spans(3));
    tracer.export([spanOf(9)]);
    assert.equal(sent.length, 0);
    await tracer.flush();
    await tracer.flush();
    assert.equal(sent.length, 1);
    assert.deepEqual(
      sent[0]?.flatMap((one) => unpackSpans(one).spans),
      [...spans(3), spanOf(9)],
    );
  });

  it('loses spans where the queue refuses, and says so once for the event', async () => {
    const { tracer, telemetry } = tracerTo(() => Promise.reject(new Error('AccessDenied')));
    tracer.export(spans(3));
    tracer.export(spans(2));
    await tracer.flush();
    const said = telemetry.logs().filter(({ message }) => message === 'spans of traces are lost');
    assert.equal(said.length, 1);
    assert.deepEqual(said[0]?.fields, { spans: 5, why: 'Error: AccessDenied' });
    await tracer.flush();
    assert.equal(telemetry.logs().length, 1);
  });

  it('waits a second for a queue that does not answer, and no longer', async () => {
    const { tracer, telemetry, clock } = tracerTo(() => new Promise(() => {}));
    tracer.export(spans(1));
    const flushed = tracer.flush();
    await clock.advance(1_000);
    await flushed;
    assert.match(String(telemetry.logs()[0]?.fields?.['why']), /within 1000 ms/);
  });

  it('keeps no more than so many of one event', async () => {
    let sent = 0;
    const { tracer, telemetry } = tracerTo(async (messages) => {
      sent += messages.reduce((sum, { body }) => sum + unpackSpans(body).spans.length, 0);
    });
    tracer.export(spans(20_010));
    await tracer.flush();
    assert.equal(sent, 20_000);
    assert.deepEqual(telemetry.logs()[0]?.fields, { spans: 10, why: 'too many at once' });
  });
});
