import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRecorder } from '../../../adapters/telemetry/recorder/index.ts';
import type { Delivered } from '../../../adapters/tracers/otlp/delivery.ts';
import type { UnpackedSpans } from '../../../adapters/tracers/queue/index.ts';
import type { Span } from '../../../core/spans.ts';
import type { ReceivedMessage } from '../../../ports/queue.ts';
import { createExporter } from './exporter.ts';

const hourMs = 60 * 60_000;

function spanOf(name: string, startMs = 0, endMs = startMs + 1): Span {
  return {
    traceId: 'ab'.repeat(16),
    spanId: 'cd'.repeat(8),
    parentId: null,
    name,
    kind: 'internal',
    startMs,
    endMs,
    error: null,
    attributes: {},
    links: [],
  };
}

function message(id: string, spans: Span[], more: { bytes?: number; receiveCount?: number } = {}) {
  const { bytes = 100, receiveCount = 1 } = more;
  return { id, receiveCount, body: { spans, bytes } } satisfies ReceivedMessage<UnpackedSpans>;
}

function exporterTo(answers: Delivered[], spreadMsMax = Number.POSITIVE_INFINITY) {
  const telemetry = createRecorder();
  const requests: string[][] = [];
  const deliver = async (spans: readonly Span[]): Promise<Delivered> => {
    requests.push(spans.map(({ name }) => name));
    return answers.shift() ?? { outcome: 'taken' };
  };
  return { telemetry, requests, handle: createExporter({ deliver, spreadMsMax }, telemetry) };
}

describe('the exporter of spans', () => {
  it('takes a batch in one request, and is done with it', async () => {
    const { handle, requests, telemetry } = exporterTo([]);
    const outcomes = await handle([message('1', [spanOf('a'), spanOf('b')]), message('2', [spanOf('c')])]);
    assert.deepEqual(requests, [['a', 'b', 'c']]);
    assert.deepEqual(outcomes, [
      { id: '1', outcome: 'done' },
      { id: '2', outcome: 'done' },
    ]);
    assert.deepEqual(telemetry.logs(), []);
  });

  it('makes requests no larger than a back end takes', async () => {
    const { handle, requests } = exporterTo([]);
    const bytes = 1024 * 1024;
    await handle(['1', '2', '3', '4', '5', '6'].map((id) => message(id, [spanOf(id)], { bytes })));
    assert.deepEqual(requests, [
      ['1', '2', '3', '4'],
      ['5', '6'],
    ]);
    const many = exporterTo([]);
    const spans = Array.from({ length: 5_000 }, () => spanOf('s'));
    await many.handle([message('1', spans), message('2', spans)]);
    assert.deepEqual(
      many.requests.map(({ length }) => length),
      [5_000, 5_000],
    );
  });

  it('brings back what may be taken later, later at each try, and no sooner than it was asked to', async () => {
    const later: Delivered = { outcome: 'later', why: 'it answered 503', afterMs: null };
    const { handle, telemetry } = exporterTo([later, { ...later, afterMs: 300_000 }, later]);
    const delayOf = async (receiveCount: number) =>
      (await handle([message('1', [spanOf('a')], { receiveCount })]))[0];
    assert.deepEqual(await delayOf(2), { id: '1', outcome: 'retry', delayMs: 120_000 });
    assert.deepEqual(await delayOf(1), { id: '1', outcome: 'retry', delayMs: 300_000 });
    assert.deepEqual(await delayOf(99), { id: '1', outcome: 'retry', delayMs: 900_000 });
    assert.equal(telemetry.logs().length, 3);
    assert.equal(telemetry.counted('trace_spans_lost_total'), 0);
  });

  it('is done with what is refused: lost, counted, and said once', async () => {
    const { handle, telemetry } = exporterTo([{ outcome: 'refused', why: 'it answered 401' }]);
    const outcomes = await handle([message('1', [spanOf('a')]), message('2', [spanOf('b')])]);
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['done', 'done'],
    );
    assert.equal(telemetry.counted('trace_spans_lost_total'), 2);
    assert.deepEqual(
      telemetry.logs().map(({ level, fields }) => ({ level, fields })),
      [{ level: 'error', fields: { spans: 2, why: 'it answered 401' } }],
    );
  });

  it('tells of those that were not taken among others that were', async () => {
    const { handle, telemetry } = exporterTo([{ outcome: 'partly', rejected: 1, why: 'too old' }]);
    assert.deepEqual(await handle([message('1', [spanOf('a'), spanOf('b')])]), [
      { id: '1', outcome: 'done' },
    ]);
    assert.equal(telemetry.counted('trace_spans_lost_total'), 1);
  });

  it('makes a request for each day where that is the most that a back end takes in one', async () => {
    const { handle, requests } = exporterTo([], 24 * hourMs);
    const spans = [
      spanOf('job', 0, 50 * hourMs),
      spanOf('last step', 49 * hourMs, 50 * hourMs),
      spanOf('queue', 0, hourMs),
      spanOf('first step', 2 * hourMs, 3 * hourMs),
      spanOf('second', 20 * hourMs, 23 * hourMs),
    ];
    await handle([message('1', spans)]);
    assert.deepEqual(requests, [['job'], ['queue', 'first step', 'second'], ['last step']]);
  });
});
