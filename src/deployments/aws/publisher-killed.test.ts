import assert from 'node:assert/strict';
import { it } from 'node:test';
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import { keyOf, seen } from '../../../test/fixtures/items.ts';
import { createStations, hostName, prefix, recordingTopic, silent } from '../../../test/fixtures/stations.ts';
import { createInProcessQueue } from '../../adapters/topics/in-process/index.ts';
import type { Wake } from '../../flow/messenger/handler.ts';
import { type Notification, notify } from '../../flow/notification.ts';
import { createPublisher } from '../../flow/publisher/handler.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import { publisherTimeBudgetMs } from '../stations.ts';
import { functions, publisherVisibilitySeconds } from './functions.ts';

const killedAfterMs = functions.publisher.timeoutSeconds * 1_000;
const delayMsMax = 70_000;

/** What the template says of the publisher's queue, in one process. */
function world() {
  const stations = createStations(configurationOf([poolSettings('lint')]));
  const { clock } = stations;
  let neverAnswered = 0;
  const queue = createInProcessQueue<Notification>({
    name: 'publisher',
    clock,
    fifo: true,
    visibilityMs: publisherVisibilitySeconds * 1_000,
    receivesMax: 8,
    batchSizeMax: 10,
    concurrency: 10,
    onHandlerError: () => {
      neverAnswered += 1;
    },
  });
  const tell = async (id: number) => {
    await stations.table.recordJob(keyOf(id), [seen(id)], clock.now());
    const items = [{ kind: 'job', key: keyOf(id) }] as const;
    await queue.publish([notify({ host: hostName, items, recount: false, hops: 0 }, `n${id}`)]);
  };
  const ordered = () => stations.jobsTopic.messages.filter(({ body }) => body.status === 'launch').length;
  const publisher = (table: JobsTable) =>
    createPublisher({
      ...stations,
      table,
      prefix,
      timer: recordingTopic<Wake>(),
      telemetry: silent,
      timeBudgetMs: publisherTimeBudgetMs,
    });
  return { stations, clock, queue, tell, ordered, publisher, neverAnswered: () => neverAnswered };
}

it('a publisher that is killed in the middle delays its host by 70 s at most', async () => {
  const { stations, clock, queue, tell, ordered, publisher, neverAnswered } = world();
  let runs = 0;
  const neverCommits: JobsTable = { ...stations.table, commit: () => new Promise(() => {}) };
  // Lambda kills a run without a word: no answer, and nothing of it comes back before the visibility time.
  queue.consume((batch) => {
    runs += 1;
    return publisher(runs === 1 ? neverCommits : stations.table)(batch);
  });
  await tell(1);
  await clock.advance(killedAfterMs - 1);
  assert.equal(runs, 1);
  // The worst moment: the run dies just now, and this one has to wait for all that its batch has left.
  const toldAt = clock.now();
  await tell(2);
  const startedAt = toldAt - (killedAfterMs - 1);
  while (ordered() < 2 && clock.now() < startedAt + 10 * delayMsMax) await clock.advance(100);
  assert.equal(ordered(), 2);
  assert.ok(clock.now() - startedAt <= delayMsMax, `${clock.now() - startedAt} ms`);
  assert.equal(neverAnswered(), 1);
});

it('a run ends by itself before it is killed, and is killed before its batch comes back', () => {
  assert.ok(publisherTimeBudgetMs < killedAfterMs);
  assert.ok(killedAfterMs < publisherVisibilitySeconds * 1_000);
});
