import type { Telemetry } from '../../ports/telemetry.ts';

/** Tells each of them everything. */
export function allTelemetry(parts: readonly Telemetry[]): Telemetry {
  return {
    count(metric, labels, by) {
      for (const part of parts) part.count(metric, labels, by);
    },
    observe(metric, value, labels) {
      for (const part of parts) part.observe(metric, value, labels);
    },
    gauge(metric, value, labels) {
      for (const part of parts) part.gauge(metric, value, labels);
    },
    log(level, message, fields) {
      for (const part of parts) part.log(level, message, fields);
    },
  };
}
