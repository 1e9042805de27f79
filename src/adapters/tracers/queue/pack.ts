// Spans as messages carry them: JSON, gzipped, since spans of one run say much the same, in base 64, since a message is
// text. A run's are as many messages as they need.

import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import type { Span } from '../../../core/spans.ts';

export interface PackedSpans {
  spans: string;
}

/** A quarter of what X-Ray takes in a request, uncompressed. [CloudWatch: OTLP endpoint limits] */
const jsonBytesMax = 1024 * 1024;
/** Below the 256 KiB of a message, with what is around it. */
const textLengthMax = 250_000;

export function packSpans(spans: readonly Span[]): { packed: PackedSpans[]; tooLarge: number } {
  if (spans.length === 0) return { packed: [], tooLarge: 0 };
  const text = packedText(spans);
  if (text !== null) return { packed: [{ spans: text }], tooLarge: 0 };
  if (spans.length === 1) return { packed: [], tooLarge: 1 };
  const middle = Math.ceil(spans.length / 2);
  const halves = [packSpans(spans.slice(0, middle)), packSpans(spans.slice(middle))];
  return {
    packed: halves.flatMap(({ packed }) => packed),
    tooLarge: halves.reduce((sum, { tooLarge }) => sum + tooLarge, 0),
  };
}

function packedText(spans: readonly Span[]): string | null {
  const json = Buffer.from(JSON.stringify(spans));
  if (json.byteLength > jsonBytesMax) return null;
  const text = gzipSync(json).toString('base64');
  return text.length > textLengthMax ? null : text;
}

const packed = z.object({ spans: z.base64().max(textLengthMax) });

export interface UnpackedSpans {
  spans: Span[];
  /** As JSON; OTLP says it in less. */
  bytes: number;
}

/** What a message holds; throws where it is none of these. */
export function unpackSpans(value: unknown): UnpackedSpans {
  const { spans: text } = packed.parse(value);
  const json = gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: jsonBytesMax });
  return { spans: z.array(span).parse(JSON.parse(json.toString('utf8'))), bytes: json.byteLength };
}

const traceId = z.string().regex(/^[0-9a-f]{32}$/);
const spanId = z.string().regex(/^[0-9a-f]{16}$/);
const epochMs = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

const span = z.object({
  traceId,
  spanId,
  parentId: spanId.nullable(),
  name: z.string(),
  kind: z.enum(['server', 'internal', 'consumer']),
  startMs: epochMs,
  endMs: epochMs,
  error: z.string().nullable(),
  attributes: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  links: z.array(z.object({ traceId, spanId })),
});
