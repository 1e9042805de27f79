// One request of spans to a back end that speaks OTLP over HTTP, for whoever knows what to do with one that was not
// taken. Whether trying again can help is the protocol's to say: 429, 502, 503 and 504, and no
// answer at all; everything else is final. An answer of 200 may hold spans that were not taken, which is final too.
// [OpenTelemetry: OTLP/HTTP response, partial success, retryable response codes]

import { gzipSync } from 'node:zlib';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import type { Span } from '../../../core/spans.ts';
import { createSpanBatch } from './batch.ts';

export interface DeliverySettings {
  /** Of the back end, whole: `https://…/v1/traces`. */
  url: string;
  resource: Readonly<Record<string, string>>;
  /** What is to be said beside the body, which may be signed. */
  headersOf(request: {
    url: URL;
    headers: Readonly<Record<string, string>>;
    body: Uint8Array;
  }): Promise<Readonly<Record<string, string>>>;
  /** From the first byte to the last. */
  timeoutMs: number;
}

export type Delivered =
  | { outcome: 'taken' }
  /** Taken but for some, which are lost. */
  | { outcome: 'partly'; rejected: number; why: string }
  /** May be taken later. `afterMs`: as the back end asks for, if it does. */
  | { outcome: 'later'; why: string; afterMs: number | null }
  | { outcome: 'refused'; why: string };

export type Deliver = (spans: readonly Span[]) => Promise<Delivered>;

/** `body`: an export request as protobuf has it. With `signal` it is given up early. */
export type Post = (
  body: Uint8Array,
  headers: Readonly<Record<string, string>>,
  signal?: AbortSignal,
) => Promise<Delivered>;

export const protobufHeaders = { 'content-type': 'application/x-protobuf' } as const;

/** Of what a back end says, in a log. */
const whyLengthMax = 300;
/** An answer says whether spans were taken, and little more. */
const answerBytesMax = 64 * 1024;
/** A message of the queue holds the spans of some jobs, of 200 bytes each. */
const bodyBytesAtFirst = 64 * 1024;

export function createDelivery({ url, resource, headersOf, timeoutMs }: DeliverySettings): Deliver {
  const target = new URL(url);
  const post = createPost({ url, timeoutMs });

  return async (spans) => {
    const batch = createSpanBatch(resource, bodyBytesAtFirst);
    for (const span of spans) batch.add(span);
    const body = gzipSync(batch.finish());
    const headers = { ...protobufHeaders, 'content-encoding': 'gzip' };
    // A secret or credentials that can not be had are no fault of the spans: the queue tries again.
    return post(body, await headersOf({ url: target, headers, body }));
  };
}

/** One request, as it is. */
export function createPost({ url, timeoutMs }: Pick<DeliverySettings, 'url' | 'timeoutMs'>): Post {
  return async (body, headers, signal) => {
    try {
      const answer = await fetch(url, {
        method: 'POST',
        body,
        headers,
        // Headers may be secrets, and are for nobody else.
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]),
      });
      return await read(answer);
    } catch (error) {
      return { outcome: 'later', why: shortened(reasonOf(error)), afterMs: null };
    }
  };
}

const retryable = [429, 502, 503, 504];

async function read(answer: Response): Promise<Delivered> {
  const body = await bytesOf(answer);
  if (answer.ok) return readSuccess(body);
  const why = `it answered ${answer.status}`;
  if (!retryable.includes(answer.status)) return { outcome: 'refused', why };
  return { outcome: 'later', why, afterMs: retryAfterMs(answer.headers.get('retry-after')) };
}

/** Bounded, and whatever came by then. */
async function bytesOf({ body }: Response): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > answerBytesMax) break;
  }
  return Buffer.concat(chunks);
}

/** An answer that is no message of OTLP's was given by something that took the spans all the same. */
function readSuccess(body: Uint8Array): Delivered {
  try {
    const { partialSuccess } = ProtobufTraceSerializer.deserializeResponse(body);
    const rejected = Number(partialSuccess?.rejectedSpans ?? 0);
    const why = shortened(partialSuccess?.errorMessage ?? '');
    return rejected > 0 || why !== '' ? { outcome: 'partly', rejected, why } : { outcome: 'taken' };
  } catch {
    return { outcome: 'taken' };
  }
}

/** Seconds; a date, which is allowed too, is left to the caller's own time. */
function retryAfterMs(header: string | null): number | null {
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1_000 : null;
}

/** `fetch failed` says nothing; what is beneath it does. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? `${String(error)}: ${cause.message}` : String(error);
}

function shortened(text: string): string {
  return text.slice(0, whyLengthMax);
}
