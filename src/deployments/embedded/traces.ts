// Traces of jobs, where the environment names a collector. The exporter is loaded only then.

import { hostname } from 'node:os';
import type { TracingSettings } from '../../config/environment.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { Tracing } from '../stations.ts';

export interface Traces {
  tracing: Tracing;
  /** What is left is sent, if it is taken at once. */
  close(): Promise<void>;
}

export async function openTraces(
  { endpoint, headers, sampleRatio }: TracingSettings,
  given: { clock: Clock; telemetry: Telemetry },
): Promise<Traces> {
  const { createOtlpTracer } = await import('../../adapters/tracers/otlp/index.ts');
  const resource = { 'service.name': 'runners', 'host.name': hostname() };
  const tracer = createOtlpTracer({ ...given, endpoint, headers, resource });
  return { tracing: { tracer, sampleRatio }, close: () => tracer.close() };
}
