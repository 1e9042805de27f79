/** What the queues' consumers count. */
export const metrics = {
  unreadable: 'queue_messages_unreadable_total',
} as const;
