// After a start in one process: queues and topics held nothing that the table does not, so what they held is published
// again at once. On AWS they outlive a handler, and the deadlines of the items are enough.

import type { Configuration } from '../core/configuration.ts';
import { poolByName } from '../core/configuration.ts';
import { type Order, orderAttributes } from '../core/order.ts';
import { isMarked } from '../core/runner.ts';
import { itemsPerNotification, type Notification, notify } from '../flow/notification.ts';
import type { EpochMs } from '../ports/clock.ts';
import type { JobsTable } from '../ports/jobs-table.ts';
import type { Topic } from '../ports/queue.ts';

/** Changes looked up at a start; what is beyond is found by the regular look at what was never counted. */
const uncountedMax = 10_000;

interface Published {
  table: JobsTable;
  jobsTopic: Topic<Order>;
  publisherTopic: Topic<Notification>;
}

export async function publishAgain(
  { table, jobsTopic, publisherTopic }: Published,
  configuration: Configuration,
  now: EpochMs,
  makeId: () => string,
): Promise<void> {
  for (const { name: host } of configuration.hosts) {
    const orders: Order[] = [];
    for (const runner of await table.runnersOfHost(host)) {
      const os = poolByName(configuration, runner.pool)?.os ?? 'linux';
      const of = { host, os, runner: runner.name };
      if (runner.removing) orders.push({ status: 'terminate', ...of });
      else if (!isMarked(runner)) orders.push({ status: 'launch', ...of, launchBefore: runner.launchBefore });
    }
    if (orders.length > 0)
      await jobsTopic.publish(orders.map((body) => ({ body, attributes: orderAttributes(body) })));
    const items = await table.uncounted(host, now, uncountedMax);
    for (let from = 0; from < items.length; from += itemsPerNotification) {
      const part = items.slice(from, from + itemsPerNotification);
      await publisherTopic.publish([
        notify({ host, items: part, recount: false, hops: 0 }, `start:${makeId()}`),
      ]);
    }
  }
}
