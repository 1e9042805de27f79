// Keeps what it is told, for tests and benchmarks that ask afterwards.

import type { Fields, Labels, Telemetry } from '../../../ports/telemetry.ts';

interface LogEntry {
  level: Parameters<Telemetry['log']>[0];
  message: string;
  fields: Fields;
}

export interface Recorder extends Telemetry {
  /** The sum over all label sets that have at least these labels. */
  counted(metric: string, labels?: Labels): number;
  /** Every value, in the order they came. */
  observed(metric: string, labels?: Labels): readonly number[];
  /** The latest value of exactly these labels; `null` where none was told. */
  gauged(metric: string, labels?: Labels): number | null;
  logs(): readonly LogEntry[];
}

/** A test that logs more than this has another problem; the first entries tell it. */
const logsMax = 10_000;
/** Values kept of one distribution. */
const valuesMax = 1_000_000;

export function createRecorder(): Recorder {
  const counts = new Map<string, { metric: string; labels: Labels; sum: number }>();
  const values = new Map<string, { metric: string; labels: Labels; values: number[] }>();
  const gauges = new Map<string, number>();
  const logs: LogEntry[] = [];

  return {
    count(metric, labels = {}, by = 1) {
      const key = keyOf(metric, labels);
      const known = counts.get(key);
      if (known) known.sum += by;
      else counts.set(key, { metric, labels, sum: by });
    },
    observe(metric, value, labels = {}) {
      const key = keyOf(metric, labels);
      const known = values.get(key);
      if (!known) values.set(key, { metric, labels, values: [value] });
      else if (known.values.length < valuesMax) known.values.push(value);
    },
    gauge(metric, value, labels = {}) {
      gauges.set(keyOf(metric, labels), value);
    },
    log(level, message, fields = {}) {
      if (logs.length < logsMax) logs.push({ level, message, fields });
    },
    counted(metric, labels = {}) {
      return matching(counts, metric, labels).reduce((sum, entry) => sum + entry.sum, 0);
    },
    observed(metric, labels = {}) {
      return matching(values, metric, labels).flatMap((entry) => entry.values);
    },
    gauged: (metric, labels = {}) => gauges.get(keyOf(metric, labels)) ?? null,
    logs: () => logs,
  };
}

function keyOf(metric: string, labels: Labels): string {
  return JSON.stringify([metric, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function matching<Entry extends { metric: string; labels: Labels }>(
  entries: ReadonlyMap<string, Entry>,
  metric: string,
  labels: Labels,
): Entry[] {
  const wanted = Object.entries(labels);
  return [...entries.values()].filter(
    (entry) => entry.metric === metric && wanted.every(([name, value]) => entry.labels[name] === value),
  );
}
