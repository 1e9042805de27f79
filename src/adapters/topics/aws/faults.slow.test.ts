// What may go wrong on the way, with MiniStack as the engine and faults put between it and the SDK. What MiniStack
// never does by itself is tested beside the source: failures inside an answer of 200, throttling (`send.test.ts`), a
// message that comes twice in one batch (`consume.test.ts`). Where it differs from AWS, a test here says so.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { ChangeMessageVisibilityCommand, CreateQueueCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { createHandedInTime } from '../../../../scripts/ministack-time.ts';
import type { ContractBody, QueueFixture } from '../../../ports/queue.contract.ts';
import type { OutgoingMessage } from '../../../ports/queue.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createRecorder } from '../../telemetry/recorder/index.ts';
import { createPoller } from './index.ts';
import { metrics } from './metrics.ts';
import { type Clients, createClients, createEmulatorFixture, loseAnswers } from './testing.ts';

const startMs = 1_700_000_000_000;
const betweenMs = 3_600_000;
const visibilityMs = 30_000;
const terms = { visibilityMs, receivesMax: 3, batchSizeMax: 10, concurrency: 4 };

describe('faults on MiniStack', () => {
  const time = createHandedInTime(startMs);
  const emulator = startMiniStack(time.env);
  let worlds = 0;

  after(async () => {
    await (await emulator).stop();
    time.end();
  });

  const faulty = (says: string, run: (world: World) => Promise<void>): void => {
    test(says, async () => {
      worlds += 1;
      const { endpoint } = await emulator;
      const clients = createClients(endpoint);
      const telemetry = createRecorder();
      const random = createSeededRandom(worlds);
      const fixture = createEmulatorFixture({
        ...{ clients, telemetry, random, raw: true, setTime: time.set },
        clock: createVirtualClock(startMs + worlds * betweenMs),
        prefix: `faults-${worlds}`,
      });
      try {
        await run({ name: `faults-${worlds}`, clients, telemetry, fixture });
      } finally {
        await fixture.end();
        clients.end();
      }
    });
  };

  for (const kind of ['topic', 'queue'] as const) {
    faulty(`a lost answer of a FIFO ${kind} sends nothing twice`, async ({ clients, fixture }) => {
      const { seen, send } = await wire(fixture, true, kind);
      const { lost } = loseAnswers(clientOf(clients, kind), commandOf(kind), 1);
      await send(5);
      await fixture.advance(10 * visibilityMs);
      assert.equal(lost(), 1);
      assert.deepEqual(seen, [0, 1, 2, 3, 4]);
    });

    faulty(`a lost answer of a standard ${kind} sends twice, and both come`, async ({ clients, fixture }) => {
      const { seen, send } = await wire(fixture, false, kind);
      const { lost } = loseAnswers(clientOf(clients, kind), commandOf(kind), 1);
      await send(3);
      await fixture.advance(10 * visibilityMs);
      assert.equal(lost(), 1);
      assert.deepEqual(seen.toSorted(), [0, 0, 1, 1, 2, 2]);
    });
  }

  for (const fifo of [false, true]) {
    const kind = fifo ? 'FIFO' : 'standard';

    faulty(
      `${kind}: messages of a receive whose answer was lost come again`,
      async ({ clients, fixture }) => {
        const { seen, send } = await wire(fixture, fifo, 'topic');
        loseAnswers(clients.sqs, 'ReceiveMessageCommand', 1);
        await send(3);
        await fixture.advance(visibilityMs - 1_000);
        assert.deepEqual(seen, []);
        await fixture.advance(2_000);
        assert.deepEqual(seen, [0, 1, 2]);
      },
    );

    faulty(`${kind}: a delete whose answer was lost has deleted`, async ({ clients, fixture }) => {
      const { seen, send, deadLetters } = await wire(fixture, fifo, 'topic');
      const { lost } = loseAnswers(clients.sqs, 'DeleteMessageBatchCommand', 1);
      await send(3);
      await fixture.advance(10 * visibilityMs);
      assert.equal(lost(), 1);
      assert.deepEqual(seen, [0, 1, 2]);
      assert.deepEqual(await deadLetters(), []);
    });
  }

  faulty(
    'a message that is seen again while it is at work is handed over twice, with its count',
    async (own) => {
      const { clients, name } = own;
      const { QueueUrl: queueUrl = '' } = await clients.sqs.send(new CreateQueueCommand({ QueueName: name }));
      await clients.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: '{"n":0}' }));
      const records: { messageId: string; receiptHandle: string; count: string }[] = [];
      const errors: string[] = [];
      const gate = Promise.withResolvers<void>();
      const bothBegan = Promise.withResolvers<void>();
      const bothEnded = Promise.withResolvers<void>();
      let endedCount = 0;
      const poller = await createPoller({
        ...{ client: clients.sqs, queueUrl, batchSizeMax: 1, concurrency: 2, clock: createSystemClock() },
        random: createSeededRandom(1),
        onError: (error) => errors.push(String(error)),
        invoke: async (event) => {
          const [{ messageId, receiptHandle, attributes }] = (event as { Records: [Record] }).Records;
          records.push({ messageId, receiptHandle, count: attributes.ApproximateReceiveCount });
          if (records.length === 2) bothBegan.resolve();
          await gate.promise;
          endedCount += 1;
          if (endedCount === 2) bothEnded.resolve();
        },
      });
      assert.equal(await poller.receive(), 1);
      await clients.sqs.send(
        new ChangeMessageVisibilityCommand({
          ...{ QueueUrl: queueUrl, ReceiptHandle: records[0]?.receiptHandle, VisibilityTimeout: 0 },
        }),
      );
      assert.equal(await poller.receive(), 1);
      await bothBegan.promise;
      gate.resolve();
      await bothEnded.promise;
      await poller.stop();
      assert.deepEqual(
        records.map(({ count }) => count),
        ['1', '2'],
      );
      assert.equal(records[0]?.messageId, records[1]?.messageId);
      // The first receive's handle is spent. MiniStack calls it invalid, AWS may also say that it deleted.
      assert.equal(errors.length, 1);
      assert.match(errors[0] ?? '', /was handled, not deleted \(ReceiptHandleIsInvalid\)/);
    },
  );

  faulty('a waiting poller gets what is sent at once, and stops though it waits', async (own) => {
    const { clients, name } = own;
    const { QueueUrl: queueUrl = '' } = await clients.sqs.send(new CreateQueueCommand({ QueueName: name }));
    const got = Promise.withResolvers<unknown>();
    const poller = await createPoller({
      ...{ client: clients.sqs, queueUrl, batchSizeMax: 1, concurrency: 2, clock: createSystemClock() },
      ...{ random: createSeededRandom(1), onError: got.reject },
      invoke: async (event) => got.resolve((event as { Records: [{ body: string }] }).Records[0].body),
    });
    poller.start();
    await clients.sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: '{"n":7}' }));
    assert.equal(await got.promise, '{"n":7}');
    // Time stands still for MiniStack, so a wait that is not broken off never ends.
    await poller.stop();
  });

  faulty('messages that can not be read become dead letters and hold up nobody for long', async (own) => {
    const { fixture, telemetry } = own;
    for (const fifo of [false, true]) {
      const { topic, seen, deadLetters } = await wire(fixture, fifo, 'topic');
      const message = (body: unknown): OutgoingMessage<ContractBody> => ({
        body: body as ContractBody,
        ...(fifo ? { group: 'g' } : {}),
      });
      await topic.publish([message({ n: 0 }), message('unreadable'), message({ n: 1 })]);
      await fixture.advance(0);
      assert.deepEqual(seen, [0, 1]);
      await topic.publish([message({ n: 2 })]);
      await fixture.advance(fifo ? 15_000 : 0);
      assert.deepEqual(seen, [0, 1, 2]);
      await fixture.advance(3 * visibilityMs);
      assert.deepEqual(await deadLetters(), ['unreadable' as never]);
    }
    assert.equal(telemetry.counted(metrics.unreadable), 2 * terms.receivesMax);
  });
});

interface World {
  name: string;
  clients: Clients;
  telemetry: ReturnType<typeof createRecorder>;
  fixture: QueueFixture;
}

interface Record {
  messageId: string;
  receiptHandle: string;
  attributes: { ApproximateReceiveCount: string };
}

/** A topic with one queue, whose handler notes what it gets. */
async function wire(fixture: QueueFixture, fifo: boolean, kind: 'topic' | 'queue') {
  const topic = await fixture.createTopic({ fifo });
  const queue = await topic.subscribe({ ...terms, fifo });
  const seen: number[] = [];
  queue.consume(async (batch) => {
    seen.push(...batch.map(({ body }) => body.n));
    return [];
  });
  const send = (count: number): Promise<void> =>
    (kind === 'topic' ? topic : queue).publish(
      Array.from({ length: count }, (_, n) => ({ body: { n }, ...(fifo ? { group: 'g' } : {}) })),
    );
  return { topic, seen, send, deadLetters: queue.deadLetters };
}

function clientOf({ sns, sqs }: Clients, kind: 'topic' | 'queue') {
  return kind === 'topic' ? sns : sqs;
}

function commandOf(kind: 'topic' | 'queue'): string {
  return kind === 'topic' ? 'PublishBatchCommand' : 'SendMessageBatchCommand';
}
