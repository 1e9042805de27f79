import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type OtlpReceiver,
  type ReceivedSpan,
  startOtlpReceiver,
} from '../../../../scripts/otlp-receiver.ts';
import type { Span } from '../../../core/spans.ts';
import { createSpanBatch } from './batch.ts';

const hexDigits = (count: number) =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'), { minLength: count, maxLength: count })
    // All zero is no id.
    .map((digits) => `${digits.slice(1).join('')}1`);
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('', 'a\u0000b', '𝄞'.repeat(5_000), 'x'.repeat(127), 'x'.repeat(128), 'x'.repeat(16_384)),
);
const value = fc.oneof(
  text,
  fc.boolean(),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((one) => !Object.is(one, -0)),
  fc.constantFrom(0, 1, -1, 127, 128, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER),
);
const time = fc.oneof(
  fc.integer({ min: 0, max: 4_102_444_800_000 }),
  fc.constantFrom(0, 1, 2 ** 20 - 1, 2 ** 20, 2 ** 40, 1_767_225_600_123),
);

const spans: fc.Arbitrary<Span> = fc.record({
  traceId: hexDigits(32),
  spanId: hexDigits(16),
  parentId: fc.option(hexDigits(16)),
  name: text,
  kind: fc.constantFrom('server', 'internal', 'consumer'),
  startMs: time,
  endMs: time,
  error: fc.option(fc.string({ minLength: 1, maxLength: 20 })),
  attributes: fc.dictionary(
    fc.string({ minLength: 1, maxLength: 30 }).filter((name) => name !== '__proto__'),
    value,
    { maxKeys: 12, noNullPrototype: true },
  ),
  links: fc.array(fc.record({ traceId: hexDigits(32), spanId: hexDigits(16) }, { noNullPrototype: true }), {
    maxLength: 5,
  }),
});

const kinds = { internal: 1, server: 2, consumer: 5 };

/** What a reader of OTLP's schema finds in it. */
function readAs(span: Span): Omit<ReceivedSpan, 'resource'> {
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentId: span.parentId ?? '',
    name: span.name,
    kind: kinds[span.kind],
    startNs: String(BigInt(span.startMs) * 1_000_000n),
    endNs: String(BigInt(span.endMs) * 1_000_000n),
    status: span.error === null ? 0 : 2,
    message: span.error ?? '',
    attributes: { ...span.attributes, ...(span.error !== null && { 'error.type': span.error }) },
    links: [...span.links],
  };
}

/** Links come in the order in which they are read, which is not promised. */
function sorted<One extends Pick<Span, 'links'>>(span: One): One {
  return { ...span, links: [...span.links].sort((a, b) => (a.spanId < b.spanId ? -1 : 1)) };
}

async function posted({ endpoint }: OtlpReceiver, body: Uint8Array): Promise<number> {
  const headers = { 'content-type': 'application/x-protobuf' };
  return (await fetch(`${endpoint}/v1/traces`, { method: 'POST', body, headers })).status;
}

describe('a request of spans', () => {
  it("is what OpenTelemetry's own schema reads, whatever is in them and however many there are", async () => {
    const receiver = await startOtlpReceiver();
    try {
      const given = fc.sample(spans, { numRuns: 300, seed: 7 }).map((span, at) => ({
        ...span,
        // Each is found again.
        spanId: (at + 1).toString(16).padStart(16, '0'),
      }));
      // So small that it grows again and again.
      const batch = createSpanBatch({ 'service.name': 'runners', 'host.name': 'näme' }, 16);
      for (const span of given) batch.add(span);
      assert.equal(batch.spans(), given.length);
      assert.equal(await posted(receiver, batch.finish()), 200);
      const read = new Map((await receiver.spans()).map((span) => [span.spanId, span]));
      assert.equal(read.size, given.length);
      for (const span of given) {
        const found = read.get(span.spanId);
        assert.ok(found);
        const { resource, ...rest } = found;
        assert.deepEqual(resource, {
          attributes: [
            { key: 'host.name', value: { stringValue: 'näme' } },
            { key: 'service.name', value: { stringValue: 'runners' } },
          ],
        });
        assert.deepEqual(sorted(rest), sorted(readAs(span)));
      }
    } finally {
      await receiver.stop();
    }
  });

  it('is well-formed whatever a name is: what is no text has marks in its place', async () => {
    const receiver = await startOtlpReceiver();
    try {
      const [span] = fc.sample(spans, { numRuns: 1, seed: 1 });
      assert.ok(span);
      const batch = createSpanBatch({}, 1_024);
      batch.add({ ...span, name: 'half \ud834 a clef' });
      assert.equal(await posted(receiver, batch.finish()), 200);
      const [read] = await receiver.spans();
      assert.equal(read?.name, 'half � a clef');
    } finally {
      await receiver.stop();
    }
  });
});
