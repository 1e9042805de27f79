// Spans to any back end that speaks OTLP over HTTP. Batches, bounds and tries are OpenTelemetry's own: what comes while
// its queue is full, or is not taken in time, is lost; nobody ever waits for a collector.

import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { Tracer } from '../../../ports/tracer.ts';
import { readable, resourceOf } from './readable.ts';
import { tracesUrl } from './url.ts';

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

function tracerTo(exporter: SpanExporter, resource: Readonly<Record<string, string>>): OtlpTracer {
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: queueMax,
    maxExportBatchSize: batchMax,
    scheduledDelayMillis: batchDelayMs,
    exportTimeoutMillis: exportMsMax,
  });
  const from = resourceOf(resource);
  return {
    export(spans) {
      for (const span of spans) processor.onEnd(readable(span, from));
    },
    close: () => processor.shutdown().catch(() => {}),
  };
}
