import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configurationOf, createBooks, launchesOf, poolSettings } from '../../test/fixtures/books.ts';
import type { Order } from '../core/order.ts';
import type { Notification } from '../flow/notification.ts';
import type { ItemKey, JobsTable } from '../ports/jobs-table.ts';
import type { OutgoingMessage, Topic } from '../ports/queue.ts';
import { publishAgain } from './publish-again.ts';

test('after a start, orders that nobody launched and runners on their way out are published again, and no others', async () => {
  const configuration = configurationOf([poolSettings('lint')]);
  const books = createBooks(configuration);
  for (const id of [1, 2, 3]) books.queued({ id, labels: ['lint'] });
  const [waits, leaves, works] = launchesOf(books.settle());
  assert.ok(waits && leaves && works);
  for (const name of [leaves, works]) books.bringOnline(name);
  books.learn(leaves, { kind: 'removing', code: 'surplus', why: 'no job waits for it' });
  const orders = recordingTopic<Order>();
  const notifications = recordingTopic<Notification>();

  const table = {
    runnersOfHost: async () => books.runners(),
    uncounted: async () => [],
  } as Partial<JobsTable>;
  await publishAgain(
    { table: table as JobsTable, jobsTopic: orders, publisherTopic: notifications },
    configuration,
    books.now(),
    () => 'id',
  );
  assert.deepEqual(
    orders.published.map(({ body }) => body),
    [
      {
        status: 'launch',
        host: 'one',
        os: 'linux',
        runner: waits,
        launchBefore: books.runner(waits).launchBefore,
      },
      { status: 'terminate', host: 'one', os: 'linux', runner: leaves },
    ],
  );
  assert.equal(orders.published[0]?.attributes?.['Status'], 'launch');
  assert.deepEqual(notifications.published, []);
});

test('after a start, what was never counted is told at once, in messages of a bounded size', async () => {
  const configuration = configurationOf([poolSettings('lint')]);
  const items = Array.from(
    { length: 250 },
    (_, id): ItemKey => ({ kind: 'job', key: `github.test#${id}` as never }),
  );
  const orders = recordingTopic<Order>();
  const notifications = recordingTopic<Notification>();
  const table = { runnersOfHost: async () => [], uncounted: async () => items } as Partial<JobsTable>;
  let made = 0;
  await publishAgain(
    { table: table as JobsTable, jobsTopic: orders, publisherTopic: notifications },
    configuration,
    0,
    () => {
      made += 1;
      return `id${made}`;
    },
  );
  assert.deepEqual(
    notifications.published.map(({ body }) => body.items.length),
    [100, 100, 50],
  );
  assert.equal(new Set(notifications.published.map((message) => message.deduplicationId)).size, 3);
  assert.deepEqual(orders.published, []);
});

function recordingTopic<Body>(): Topic<Body> & { published: OutgoingMessage<Body>[] } {
  const published: OutgoingMessage<Body>[] = [];
  return {
    published,
    publish: async (messages) => {
      published.push(...messages);
    },
  };
}
