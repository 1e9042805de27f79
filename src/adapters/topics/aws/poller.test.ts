import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SQSClient } from '@aws-sdk/client-sqs';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createPoller, type PollerSettings } from './index.ts';
import { answerInstead, emulatorConfig } from './testing.ts';

const visibilityMs = 30_000;

test('the function gets an event as Lambda makes it', async () => {
  const { poller, messages, events, clock } = await world();
  messages.push('a');
  assert.equal(await poller.receive(), 1);
  await clock.advance(0);
  assert.deepEqual(events, [
    {
      Records: [
        {
          messageId: 'a',
          receiptHandle: 'a, receive 1',
          body: 'a',
          attributes: { ApproximateReceiveCount: '1' },
          messageAttributes: { Host: { dataType: 'String', stringValue: 'ec2' } },
          md5OfBody: undefined,
          eventSource: 'aws:sqs',
          eventSourceARN: 'arn:aws:sqs:eu-west-1:000000000000:jobs',
          awsRegion: 'eu-west-1',
        },
      ],
    },
  ]);
});

test('an empty answer is a success, and all is deleted', async () => {
  for (const answer of [undefined, null, {}, { batchItemFailures: [] }, { batchItemFailures: null }]) {
    const { poller, messages, deleted, clock } = await world({ invoke: async () => answer });
    messages.push('a', 'b');
    await poller.receive();
    await clock.advance(0);
    assert.deepEqual(deleted, ['a', 'b']);
  }
});

test('what the answer names is not deleted', async () => {
  const { poller, messages, deleted, clock } = await world({
    invoke: async () => ({ batchItemFailures: [{ itemIdentifier: 'b' }] }),
  });
  messages.push('a', 'b', 'c');
  await poller.receive();
  await clock.advance(0);
  assert.deepEqual(deleted, ['a', 'c']);
});

test('an answer that names a stranger, or is none, fails the batch, as with Lambda', async () => {
  for (const answer of [
    { batchItemFailures: [{ itemIdentifier: 'stranger' }] },
    { batchItemFailures: [{ itemIdentifier: '' }] },
    { batchItemFailures: [{ itemIdentifier: null }] },
    { batchItemFailures: [{ id: 'a' }] },
    'done',
  ]) {
    const { poller, messages, deleted, errors, clock } = await world({ invoke: async () => answer });
    messages.push('a', 'b');
    await poller.receive();
    await clock.advance(0);
    assert.deepEqual(deleted, []);
    assert.equal(errors.length, 1);
  }
});

test('a function that throws fails the batch, and its call is free again', async () => {
  let calls = 0;
  const { poller, messages, deleted, errors, clock } = await world({
    concurrency: 1,
    batchSizeMax: 1,
    invoke: async () => {
      calls += 1;
      if (calls === 1) throw new Error('function breaks');
    },
  });
  messages.push('a', 'b');
  await poller.receive();
  await clock.advance(0);
  await poller.receive();
  await clock.advance(0);
  assert.deepEqual(deleted, ['b']);
  assert.match(String(errors[0]), /function breaks/);
});

test('a call that outlives the visibility time is given up, and its late answer deletes nothing', async () => {
  const { poller, messages, deleted, errors, clock } = await world({
    concurrency: 1,
    invoke: () => clock.sleep(visibilityMs + 1),
  });
  messages.push('a');
  await poller.receive();
  messages.push('b');
  await clock.advance(visibilityMs - 1);
  assert.equal(await poller.receive(), 0);
  await clock.advance(1);
  assert.equal(await poller.receive(), 1);
  assert.match(String(errors[0]), /has not answered within 30 s/);
  await clock.advance(10);
  assert.deepEqual(deleted, []);
  assert.equal(errors.length, 1);
});

test('started, it handles what comes, never more calls at one time than it may', async () => {
  let atWork = 0;
  let most = 0;
  const { poller, messages, deleted, clock } = await world({
    concurrency: 3,
    batchSizeMax: 2,
    invoke: async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      await clock.sleep(1_000);
      atWork -= 1;
    },
  });
  messages.push(...'abcdefghijklmnopq');
  poller.start();
  await clock.advance(60_000);
  messages.push('z');
  await clock.advance(60_000);
  assert.deepEqual(deleted.toSorted(), [...'abcdefghijklmnopqz']);
  assert.equal(most, 3);
  const stopped = poller.stop();
  await clock.advance(60_000);
  await stopped;
});

test('stopped, it takes no more and waits for its calls', async () => {
  const { poller, messages, deleted, clock } = await world({
    concurrency: 2,
    batchSizeMax: 1,
    invoke: () => clock.sleep(5_000),
  });
  messages.push('a', 'b', 'c');
  poller.start();
  await clock.advance(1_000);
  let isStopped = false;
  const stopped = poller.stop().then(() => {
    isStopped = true;
  });
  await clock.advance(3_999);
  assert.equal(isStopped, false);
  await clock.advance(1);
  await stopped;
  await clock.advance(60_000);
  assert.deepEqual(deleted, ['a', 'b']);
  assert.equal(await poller.receive(), 0);
});

test('a receive that fails is told, and tried again after a longer wait each time', async () => {
  const { poller, messages, deleted, errors, failing, clock } = await world({ random: () => 1 });
  failing.receives = 4;
  messages.push('a');
  poller.start();
  await clock.advance(1_000);
  assert.equal(errors.length, 1);
  await clock.advance(1_000);
  assert.equal(errors.length, 2);
  await clock.advance(4_000 + 8_000);
  assert.equal(errors.length, 4);
  assert.deepEqual(deleted, []);
  await clock.advance(16_000);
  assert.deepEqual(deleted, ['a']);
  const stopped = poller.stop();
  await clock.advance(60_000);
  await stopped;
});

test('a message that was handled and could not be deleted is told', async () => {
  const { poller, messages, errors, failing, clock } = await world();
  failing.deletes = true;
  messages.push('a');
  await poller.receive();
  await clock.advance(0);
  assert.match(String(errors[0]), /message a was handled, not deleted \(InternalError\), and may come again/);
});

test('settings out of bounds are refused with what is allowed', async () => {
  await assert.rejects(
    world({ batchSizeMax: 11 }),
    /batchSizeMax is 11; allowed is a whole number from 1 to 10/,
  );
  await assert.rejects(world({ batchSizeMax: 0.5 }), /batchSizeMax is 0.5/);
  await assert.rejects(world({ concurrency: 0 }), /concurrency is 0; allowed is a whole number from 1/);
});

async function world(own: Partial<PollerSettings> = {}) {
  const clock = createVirtualClock(1_700_000_000_000);
  const client = new SQSClient({ ...emulatorConfig, md5: false });
  const messages: string[] = [];
  const deleted: string[] = [];
  const events: unknown[] = [];
  const errors: unknown[] = [];
  const failing = { receives: 0, deletes: false };
  const receive = async (max: number, waitSeconds: number): Promise<object> => {
    if (failing.receives > 0) {
      failing.receives -= 1;
      throw new Error('the line is dead');
    }
    if (messages.length === 0 && waitSeconds > 0) await clock.sleep(waitSeconds * 1_000);
    return {
      Messages: messages.splice(0, max).map((name) => ({
        MessageId: name,
        ReceiptHandle: `${name}, receive 1`,
        Body: name,
        Attributes: { ApproximateReceiveCount: '1' },
        MessageAttributes: { Host: { DataType: 'String', StringValue: 'ec2' } },
      })),
    };
  };
  answerInstead(client, async (command, input) => {
    switch (command) {
      case 'GetQueueAttributesCommand':
        return {
          Attributes: {
            QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:jobs',
            VisibilityTimeout: String(visibilityMs / 1_000),
          },
        };
      case 'ReceiveMessageCommand':
        return receive(input['MaxNumberOfMessages'] as number, input['WaitTimeSeconds'] as number);
      case 'DeleteMessageBatchCommand': {
        const entries = input['Entries'] as { Id: string; ReceiptHandle: string }[];
        if (failing.deletes) return { Failed: entries.map(({ Id }) => ({ Id, Code: 'InternalError' })) };
        deleted.push(...entries.map(({ ReceiptHandle }) => ReceiptHandle.replace(/,.*/, '')));
        return {};
      }
      default:
        throw new Error(`unexpected ${command}`);
    }
  });
  const poller = await createPoller({
    client,
    queueUrl: 'http://127.0.0.1:9/000000000000/jobs',
    batchSizeMax: 10,
    concurrency: 4,
    invoke: async (event) => {
      events.push(event);
    },
    clock,
    random: () => 0.5,
    onError: (error) => errors.push(error),
    ...own,
  });
  return { clock, poller, messages, deleted, events, errors, failing };
}
