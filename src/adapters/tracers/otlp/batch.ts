// Spans as one request of OTLP's in protobuf, which grows by one span after the other. A span is written at once, so
// that nothing of it is kept as an object: what was kept until a request was full, and made into a library's objects
// first, cost the system three times as much, a good part of it in the collector of garbage.
// [opentelemetry-proto: trace/v1/trace.proto, common/v1/common.proto, resource/v1/resource.proto]

import type { Span } from '../../../core/spans.ts';
import { type BackwardWriter, createBackwardWriter, wire } from './protobuf.ts';

export interface SpanBatch {
  add(span: Span): void;
  /** How many it has. */
  spans(): number;
  /** How long it is by now, but for what it begins with. */
  length(): number;
  /** The request; the next begins empty. */
  finish(): Uint8Array;
}

const kinds = { internal: 1, server: 2, consumer: 5 } as const satisfies Record<Span['kind'], number>;
/** What made the spans. */
const scope = 'runners';
/** Of a status. */
const statusError = 2;
/** Sampled, and it is known that the parent is of the same process. */
const flags = 0x101;

/** `from`: name and version of the service, the deployment. `bytesAtFirst`: one that is longer grows. */
export function createSpanBatch(from: Readonly<Record<string, string>>, bytesAtFirst: number): SpanBatch {
  const writer = createBackwardWriter(bytesAtFirst);
  let count = 0;
  return {
    add(span) {
      const before = writer.length();
      writeSpan(writer, span);
      writer.end(2, before);
      count += 1;
    },
    spans: () => count,
    length: writer.length,
    finish() {
      const spansLength = writer.length();
      writeText(writer, 1, scope);
      writer.end(1, spansLength);
      writer.end(2, 0);
      const scopeLength = writer.length();
      writeAttributes(writer, 1, from);
      writer.end(1, scopeLength);
      writer.end(1, 0);
      count = 0;
      return writer.take();
    },
  };
}

/** From its last field to its first. */
function writeSpan(writer: BackwardWriter, span: Span): void {
  writer.fixed32(flags);
  writer.tag(16, wire.fixed32);
  if (span.error !== null) {
    const before = writer.length();
    writer.varint(statusError);
    writer.tag(3, wire.varint);
    writeText(writer, 2, span.error);
    writer.end(15, before);
    writeAttribute(writer, 9, 'error.type', span.error);
  }
  for (const { traceId, spanId } of span.links) {
    const before = writer.length();
    writer.fixed32(flags);
    writer.tag(6, wire.fixed32);
    writeId(writer, 2, spanId);
    writeId(writer, 1, traceId);
    writer.end(13, before);
  }
  writeAttributes(writer, 9, span.attributes);
  writer.nanoseconds(span.endMs);
  writer.tag(8, wire.fixed64);
  writer.nanoseconds(span.startMs);
  writer.tag(7, wire.fixed64);
  writer.varint(kinds[span.kind]);
  writer.tag(6, wire.varint);
  writeText(writer, 5, span.name);
  if (span.parentId !== null) writeId(writer, 4, span.parentId);
  writeId(writer, 2, span.spanId);
  writeId(writer, 1, span.traceId);
}

function writeAttributes(writer: BackwardWriter, field: number, attributes: Span['attributes']): void {
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) writeAttribute(writer, field, name, value);
  }
}

function writeAttribute(
  writer: BackwardWriter,
  field: number,
  name: string,
  value: string | number | boolean,
): void {
  const before = writer.length();
  writeValue(writer, value);
  writer.end(2, before);
  writeText(writer, 1, name);
  writer.end(field, before);
}

/** One of them is always there: an empty text is another value than none. */
function writeValue(writer: BackwardWriter, value: string | number | boolean): void {
  if (typeof value === 'string') {
    writeText(writer, 1, value);
  } else if (typeof value === 'boolean') {
    writer.varint(value ? 1 : 0);
    writer.tag(2, wire.varint);
  } else if (Number.isSafeInteger(value)) {
    writer.varint(value);
    writer.tag(3, wire.varint);
  } else {
    writer.double(value);
    writer.tag(4, wire.fixed64);
  }
}

function writeText(writer: BackwardWriter, field: number, value: string): void {
  const before = writer.length();
  writer.text(value);
  writer.end(field, before);
}

function writeId(writer: BackwardWriter, field: number, id: string): void {
  const before = writer.length();
  writer.hex(id);
  writer.end(field, before);
}
