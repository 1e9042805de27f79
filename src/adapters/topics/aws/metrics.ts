import type { Meanings } from '../../../ports/telemetry.ts';

/** What the queues' consumers count. */
export const metrics = {
  unreadable: 'queue_messages_unreadable_total',
} as const;

export const meanings: Meanings<typeof metrics> = {
  unreadable: {
    kind: 'count',
    unit: 'count',
    says: 'Messages that no station of this system has written: they end among the dead letters.',
    series: null,
  },
};
