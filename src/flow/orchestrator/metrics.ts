import type { Meanings } from '../../ports/telemetry.ts';

/** What the Orchestrator counts. */
export const metrics = {
  launches: 'orchestrator_launches_total',
  launchMs: 'orchestrator_launch_ms',
  waitMs: 'orchestrator_order_wait_ms',
  endings: 'orchestrator_endings_total',
} as const;

export const meanings: Meanings<typeof metrics> = {
  launches: {
    kind: 'count',
    unit: 'count',
    says: 'Launches, by what the host answered.',
    series: ['outcome'],
  },
  launchMs: {
    kind: 'distribution',
    unit: 'ms',
    says: 'How long the host took to answer a launch.',
    series: null,
  },
  waitMs: {
    kind: 'distribution',
    unit: 'ms',
    says: 'From the order until the host is called.',
    series: ['host'],
  },
  endings: {
    kind: 'count',
    unit: 'count',
    says: 'Machines that were ended, by what the host answered.',
    series: null,
  },
};
