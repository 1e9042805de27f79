import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { Span } from '../../../core/spans.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createRecorder } from '../../telemetry/recorder/index.ts';
import { createOtlpTracer } from './index.ts';

const span: Span = {
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  parentId: null,
  name: 'ci / test',
  kind: 'server',
  startMs: 1_767_225_600_123,
  endMs: 1_767_225_601_456,
  error: null,
  attributes: {},
  links: [],
};
/** A request is full with some ten of these. */
const large: Span = { ...span, name: 'x'.repeat(30_000) };
const lost = 'trace_spans_lost_total';

/** A collector that answers as it is told to, and what came to it. */
async function withCollector(
  answer: (response: ServerResponse, requests: number) => void,
  work: (given: {
    tracer: ReturnType<typeof createOtlpTracer>;
    clock: ReturnType<typeof createVirtualClock>;
    telemetry: ReturnType<typeof createRecorder>;
    /** How many spans each request had; there are so many within moments. */
    came(requests: number): Promise<number[]>;
  }) => Promise<void>,
): Promise<void> {
  const spansOfEach: number[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    spansOfEach.push(
      Buffer.concat(chunks).toString('latin1').split(Buffer.from(span.traceId, 'hex').toString('latin1'))
        .length - 1,
    );
    answer(response, spansOfEach.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const telemetry = createRecorder();
  const tracer = createOtlpTracer({
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    headers: { 'x-key': 'k' },
    resource: { 'service.name': 'runners' },
    clock,
    telemetry,
  });
  try {
    await work({
      tracer,
      clock,
      telemetry,
      async came(requests) {
        await until(() => spansOfEach.length >= requests);
        return [...spansOfEach];
      },
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

async function until(condition: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < giveUpAt, 'waited in vain');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const taken = (response: ServerResponse) => response.writeHead(200).end();
const busy = (response: ServerResponse) => response.writeHead(503).end();

describe('a tracer that tells a collector', () => {
  it('sends what was told within a second together', async () => {
    await withCollector(taken, async ({ tracer, clock, came }) => {
      tracer.export([span, span]);
      await clock.advance(900);
      tracer.export([span]);
      await clock.advance(100);
      assert.deepEqual(await came(1), [3]);
      tracer.export([span]);
      await clock.advance(1_000);
      assert.deepEqual(await came(2), [3, 1]);
      await tracer.close();
      assert.equal(clock.pending(), 0, 'nothing is left that would keep a process up');
    });
  });

  it('sends a request that is full at once', async () => {
    await withCollector(taken, async ({ tracer, came }) => {
      tracer.export(Array.from({ length: 20 }, () => large));
      const [first = 0, second = 0] = await came(2);
      assert.equal(first, second);
      assert.ok(first >= 8 && first <= 9, String(first));
      await tracer.close();
    });
  });

  it('tries again what may be taken later, and what comes meanwhile waits', async () => {
    await withCollector(
      (response, requests) => (requests <= 2 ? busy(response) : taken(response)),
      async ({ tracer, clock, telemetry, came }) => {
        tracer.export([span]);
        await clock.advance(1_000);
        await came(1);
        await until(() => clock.pending() > 0);
        tracer.export([span, span]);
        await clock.advance(1_000);
        await came(2);
        await until(() => clock.pending() > 0);
        await clock.advance(10_000);
        assert.deepEqual(await came(4), [1, 1, 1, 2]);
        await tracer.close();
        assert.equal(telemetry.counted(lost), 0);
      },
    );
  });

  it('loses what is not taken at the fourth try, which is counted and said', async () => {
    await withCollector(busy, async ({ tracer, clock, telemetry, came }) => {
      tracer.export([span, span]);
      await clock.advance(1_000);
      for (const requests of [1, 2, 3, 4]) {
        await came(requests);
        if (requests < 4) await until(() => clock.pending() > 0);
        await clock.advance(10_000);
      }
      await until(() => telemetry.counted(lost, { where: 'sending' }) === 2);
      assert.deepEqual(
        telemetry.logs().map(({ level, message, fields }) => ({ level, message, fields })),
        [
          {
            level: 'warn',
            message: 'spans of traces are lost',
            fields: { spans: 2, why: 'it answered 503' },
          },
        ],
      );
      await tracer.close();
    });
  });

  it('loses what a collector refuses, and says so once a minute however much it is', async () => {
    await withCollector(
      (response) => response.writeHead(401).end(),
      async ({ tracer, clock, telemetry }) => {
        for (let told = 1; told <= 5; told += 1) {
          tracer.export([span]);
          await clock.advance(1_000);
          await until(() => telemetry.counted(lost, { where: 'back end' }) === told);
        }
        assert.equal(telemetry.logs().length, 1);
        await clock.advance(60_000);
        tracer.export([span]);
        await clock.advance(1_000);
        await until(() => telemetry.logs().length === 2);
        assert.deepEqual(telemetry.logs()[1]?.fields, { spans: 5, why: 'it answered 401' });
        await tracer.close();
      },
    );
  });

  it('keeps so much for a collector that does not answer, and no more, and never waits for it', async () => {
    await withCollector(
      () => {},
      async ({ tracer, clock, telemetry, came }) => {
        for (let request = 0; request < 40; request += 1)
          tracer.export(Array.from({ length: 9 }, () => large));
        await came(1);
        // 32 of the 40 wait, of nine spans each.
        assert.equal(telemetry.counted(lost, { where: 'sending' }), 8 * 9);
        const closed = tracer.close();
        await clock.advance(5_000);
        await closed;
        assert.equal(telemetry.counted(lost, { where: 'sending' }), 40 * 9);
        assert.equal(clock.pending(), 0);
      },
    );
  });

  it('sends what is left when it is closed, without waiting for its second', async () => {
    await withCollector(taken, async ({ tracer, telemetry, came }) => {
      tracer.export([span]);
      await tracer.close();
      assert.deepEqual(await came(1), [1]);
      assert.equal(telemetry.counted(lost), 0);
    });
  });
});
