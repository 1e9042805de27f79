// Turns what changed in the table into notifications: one per host and batch, with the keys. Decides nothing.

import type { HostName } from '../../core/ids.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Change, ItemKey } from '../../ports/jobs-table.ts';
import type { BatchHandler, Topic } from '../../ports/queue.ts';
import { itemsPerNotification, type Notification, notify } from '../notification.ts';

/** The timer's message: this host's time has come. */
export interface Wake {
  host: HostName;
  at: number;
}

/** A queue delays a message by at most this; a later time is delayed again. */
const delayMsMax = 900_000;

export interface MessengerDeps {
  clock: Clock;
  publisherTopic: Topic<Notification>;
  timer: Topic<Wake>;
  makeId: () => string;
}

/** Reads the table's stream. */
export function createMessenger({
  publisherTopic,
  makeId,
}: Pick<MessengerDeps, 'publisherTopic' | 'makeId'>): BatchHandler<Change> {
  return async (batch) => {
    const byHost = new Map<HostName, Map<string, ItemKey>>();
    for (const { body } of batch) {
      const items = byHost.get(body.host) ?? new Map<string, ItemKey>();
      items.set(itemId(body.item), body.item);
      byHost.set(body.host, items);
    }
    const notifications = [...byHost].flatMap(([host, items]) =>
      chunks([...items.values()], itemsPerNotification).map((part) =>
        notify({ host, items: part, recount: false, hops: 0 }, makeId()),
      ),
    );
    await publisherTopic.publish(notifications);
    return [];
  };
}

/** Reads the timer's queue. */
export function createWaker({
  clock,
  publisherTopic,
  timer,
}: Pick<MessengerDeps, 'clock' | 'publisherTopic' | 'timer'>): BatchHandler<Wake> {
  return async (batch) => {
    for (const { body } of batch) {
      if (body.at > clock.now()) await armTimer(timer, clock, body);
      else
        await publisherTopic.publish([
          notify({ host: body.host, items: [], recount: false, hops: 0 }, `wake:${body.host}:${body.at}`),
        ]);
    }
    return [];
  };
}

export function armTimer(timer: Topic<Wake>, clock: Clock, wake: Wake): Promise<void> {
  const delayMs = Math.min(Math.max(0, wake.at - clock.now()), delayMsMax);
  return timer.publish([{ body: wake, delayMs }]);
}

export function itemId(item: ItemKey): string {
  switch (item.kind) {
    case 'job':
      return `job ${item.key}`;
    case 'runner':
      return `runner ${item.name}`;
    case 'control':
      return `control ${item.pool}`;
    default:
      return item satisfies never;
  }
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let from = 0; from < items.length; from += size) parts.push(items.slice(from, from + size));
  return parts;
}
