// Our spans as OpenTelemetry's SDK knows them.

import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import type { Span } from '../../../core/spans.ts';

type Resource = ReadableSpan['resource'];

/** What sends them: name and version of the service, the deployment. */
export function resourceOf(attributes: Readonly<Record<string, string>>): Resource {
  return resourceFromAttributes({ ...attributes });
}

const kinds = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  consumer: SpanKind.CONSUMER,
} as const;

export function readable(span: Span, resource: Resource): ReadableSpan {
  const context = (spanId: string, traceId = span.traceId) => ({
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
  });
  return {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => context(span.spanId),
    ...(span.parentId === null ? {} : { parentSpanContext: context(span.parentId) }),
    startTime: highResolution(span.startMs),
    endTime: highResolution(span.endMs),
    duration: highResolution(span.endMs - span.startMs),
    status:
      span.error === null
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: span.error },
    attributes: {
      ...span.attributes,
      ...(span.error === null ? {} : { 'error.type': span.error }),
    } satisfies Attributes,
    links: span.links.map((link) => ({ context: context(link.spanId, link.traceId) })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: 'runners' },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function highResolution(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.round((ms - seconds * 1_000) * 1_000_000)];
}
