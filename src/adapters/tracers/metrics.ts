import type { Meanings } from '../../ports/telemetry.ts';

/** What is told of traces on their way. */
export const metrics = {
  lost: 'trace_spans_lost_total',
} as const;

export const meanings: Meanings<typeof metrics> = {
  lost: {
    kind: 'count',
    unit: 'count',
    says: 'Spans of traces that were not taken, by where they were lost. No job is any slower for it.',
    series: [],
  },
};
