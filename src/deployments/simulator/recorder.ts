// Telemetry of a simulation: sums by metric and labels, and what was said as a warning or an error.

import type { Labels, Telemetry } from '../../ports/telemetry.ts';
import type { EventLog } from './event-log.ts';

export type Counts = ReadonlyMap<string, number>;

export interface RecorderObserver {
  counted(metric: string, labels: Labels, by: number): void;
  said(level: 'warn' | 'error', message: string, text: string): void;
}

export function createRecorder(
  log: EventLog,
  observer: RecorderObserver,
): { telemetry: Telemetry; counts: Counts } {
  const counts = new Map<string, number>();
  const telemetry: Telemetry = {
    count(metric, labels = {}, by = 1) {
      if (by === 0) return;
      const key = [metric, ...Object.values(labels)].join(' ');
      counts.set(key, (counts.get(key) ?? 0) + by);
      observer.counted(metric, labels, by);
    },
    observe() {},
    gauge() {},
    log(level, message, fields = {}) {
      if (level === 'debug' || level === 'info') return;
      const { runner, host, ...rest } = fields;
      const subject = String(runner ?? host ?? '');
      const text = Object.values(rest).join(' ');
      log.add(`${level}: ${message}`, subject, text);
      observer.said(level, message, text);
    },
  };
  return { telemetry, counts };
}
