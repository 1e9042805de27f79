// Spans to any back end that speaks OTLP over HTTP. Batches, bounds and tries are OpenTelemetry's own: what comes while
// its queue is full, or is not taken in time, is lost; nobody ever waits for a collector.

import { type Attributes, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Span } from '../../../core/spans.ts';
import type { Tracer } from '../../../ports/tracer.ts';

export interface OtlpTracerSettings {
  /** Of the collector: `/v1/traces` is added where it names no path of its own. */
  endpoint: string;
  /** Such as the key of a service; never logged. */
  headers: Readonly<Record<string, string>>;
  /** What sends them: name and version of the service, the deployment. */
  resource: Readonly<Record<string, string>>;
}

export interface OtlpTracer extends Tracer {
  /** Sends what is left, for so long as a batch may take; what is not taken then is lost. */
  close(): Promise<void>;
}

/** Some 25 of a job: so a burst of 800 jobs is kept while a collector is away for a moment. */
const queueMax = 20_000;
const batchMax = 512;
/** Spans are told once their job has ended: nobody waits for them. */
const batchDelayMs = 1_000;
/** Who stops the system waits for this at most. */
const exportMsMax = 5_000;

export function createOtlpTracer({ endpoint, headers, resource }: OtlpTracerSettings): OtlpTracer {
  return tracerTo(
    new OTLPTraceExporter({ url: tracesUrl(endpoint), headers: { ...headers }, timeoutMillis: exportMsMax }),
    resource,
  );
}

export function tracerTo(exporter: SpanExporter, resource: Readonly<Record<string, string>>): OtlpTracer {
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: queueMax,
    maxExportBatchSize: batchMax,
    scheduledDelayMillis: batchDelayMs,
    exportTimeoutMillis: exportMsMax,
  });
  const from = resourceFromAttributes({ ...resource });
  return {
    export(spans) {
      for (const span of spans) processor.onEnd(readable(span, from));
    },
    close: () => processor.shutdown().catch(() => {}),
  };
}

/** As the standard has it: an endpoint is a base, to which the signal's path is added. [OpenTelemetry: OTLP exporter] */
function tracesUrl(endpoint: string): string {
  const url = new URL(endpoint);
  if (url.pathname.endsWith('/v1/traces')) return url.href;
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/traces`;
  return url.href;
}

const kinds = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  consumer: SpanKind.CONSUMER,
} as const;

function readable(span: Span, resource: ReturnType<typeof resourceFromAttributes>): ReadableSpan {
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
