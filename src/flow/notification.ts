// The Publisher Topic's message: a host has something to count, or its time has come. A hint, never a truth: what it
// names is still marked as uncounted in the table, so a lost one is found by the Reconciler.

import type { HostName } from '../core/ids.ts';
import type { ItemKey } from '../ports/jobs-table.ts';
import type { OutgoingMessage } from '../ports/queue.ts';

export interface Notification {
  host: HostName;
  items: readonly ItemKey[];
  recount: boolean;
  /** So many times in a row the Publisher woke itself without a commit between. */
  hops: number;
}

/** Items that one notification carries: the Publisher loads them in one go. */
export const itemsPerNotification = 100;

/** Messages of one host are handled one batch at a time: the group is the ledger's unit. */
export function notify(notification: Notification, id: string): OutgoingMessage<Notification> {
  return { body: notification, group: notification.host, deduplicationId: id };
}
