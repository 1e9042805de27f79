import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SQSClient } from '@aws-sdk/client-sqs';
import { z } from 'zod';
import type { BatchHandler, MessageOutcome } from '../../../ports/queue.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createRecorder } from '../../telemetry/recorder/index.ts';
import { handleSqsEvent } from './index.ts';
import { metrics } from './metrics.ts';
import { answerInstead, emulatorConfig } from './testing.ts';

const hour = 3_600_000;

test('what is done or not mentioned is not named in the answer, what is to be retried is', async () => {
  const { run, changes } = world(async ([first, second]) => [
    { id: first?.id ?? '', outcome: 'retry', delayMs: 7_001 },
    { id: second?.id ?? '', outcome: 'done' },
  ]);
  assert.deepEqual(await run([body(0), body(1), body(2)]), ['m0']);
  assert.deepEqual(changes, [[{ handle: 'h0', seconds: 8 }]]);
});

test('the handler gets bodies, ids and how often each was received', async () => {
  const { run, seen } = world();
  assert.deepEqual(await run([body(0), { ...body(1), receiveCount: 3 }]), []);
  assert.deepEqual(seen, [
    { id: 'm0', body: { n: 0 }, receiveCount: 1 },
    { id: 'm1', body: { n: 1 }, receiveCount: 3 },
  ]);
});

test("a body in SNS's envelope is taken out of it, one that only looks a little like it is not", async () => {
  const Message = JSON.stringify({ n: 5 });
  const topic = {
    Type: 'Notification',
    MessageId: 'x',
    TopicArn: 'arn:aws:sns:us-east-1:0:t',
    Timestamp: 't',
  };
  const { run, seen } = world();
  assert.deepEqual(await run([{ text: JSON.stringify({ ...topic, Message }) }]), []);
  assert.deepEqual(seen[0]?.body, { n: 5 });
  assert.deepEqual(await run([{ text: JSON.stringify({ n: 6, Type: 'Notification', Message }) }]), []);
  assert.deepEqual(seen[1]?.body, { n: 6 });
});

test('a message that can not be read fails each time and is counted; the others are handled', async () => {
  const { run, seen, changes, telemetry } = world();
  const unreadable = [
    '{',
    '',
    '{"m":1}',
    '"n"',
    'null',
    '{"Type":"Notification","TopicArn":"t","Message":"{"}',
  ];
  const failed = await run([body(0), ...unreadable.map((text) => ({ text })), body(7)]);
  assert.deepEqual(failed, ['m1', 'm2', 'm3', 'm4', 'm5', 'm6']);
  assert.deepEqual(
    seen.map(({ body: { n } }) => n),
    [0, 7],
  );
  assert.equal(telemetry.counted(metrics.unreadable, { queue: 'jobs' }), 6);
  assert.equal(telemetry.logs().filter(({ fields }) => fields['message'] === 'm3').length, 1);
  // Nobody waits for it in a standard queue: it has the queue's own time to become readable.
  assert.deepEqual(changes, []);
});

test('a FIFO message that can not be read holds up its group for moments, not for the visibility time', async () => {
  const { run, seen, changes } = world();
  assert.deepEqual(
    await run([
      { ...body(0), group: 'ec2' },
      { text: '{', group: 'ec2' },
      { ...body(2), group: 'ec2' },
    ]),
    ['m1'],
  );
  assert.equal(seen.length, 2);
  assert.deepEqual(changes, [[{ handle: 'h1', seconds: 5 }]]);
});

test('where nothing can be read the handler is not called', async () => {
  let calls = 0;
  const { run } = world(async () => {
    calls += 1;
    return [];
  });
  assert.deepEqual(await run([{ text: '{' }]), ['m0']);
  assert.deepEqual(await run([]), []);
  assert.equal(calls, 0);
});

test('a handler that throws fails the batch', async () => {
  const broken = new Error('broken');
  const { run, changes } = world(async () => {
    throw broken;
  });
  await assert.rejects(run([body(0)]), (error) => error === broken);
  assert.deepEqual(changes, []);
});

test('an answer that can not be meant fails the batch, and changes nothing', async () => {
  for (const answer of [
    { id: 'stranger', outcome: 'done' },
    { id: 'm0', outcome: 'retry', delayMs: -1 },
    { id: 'm0', outcome: 'retry', delayMs: Number.NaN },
    { id: 'm0', outcome: 'retry', delayMs: 12 * hour + 1 },
  ] as const) {
    const { run, changes } = world(async () => [answer]);
    await assert.rejects(run([body(0)]), /jobs: the handler (answered|asked)/);
    assert.deepEqual(changes, []);
  }
});

test('the last of two answers for a message counts', async () => {
  const { run } = world(async () => [
    { id: 'm0', outcome: 'retry', delayMs: 0 },
    { id: 'm0', outcome: 'done' },
    { id: 'm1', outcome: 'done' },
    { id: 'm1', outcome: 'retry', delayMs: 0 },
  ]);
  assert.deepEqual(await run([body(0), body(1)]), ['m1']);
});

test('a retry is at most twelve hours after the receive, as SQS refuses more', async () => {
  const { run, changes, clock } = world(async (batch) => {
    const worked = clock.sleep(30_000);
    await Promise.all([worked, clock.run(clock.now() + 30_000)]);
    return batch.map(({ id }) => ({ id, outcome: 'retry', delayMs: 12 * hour }));
  });
  assert.deepEqual(await run([body(0)]), ['m0']);
  assert.deepEqual(changes, [[{ handle: 'h0', seconds: 12 * 3_600 - 60 - 30 }]]);
});

test('many retries take a call for ten', async () => {
  const { run, changes } = world(retryAll);
  assert.equal((await run(Array.from({ length: 25 }, (_, n) => body(n)))).length, 25);
  assert.deepEqual(
    changes.map((batch) => batch.length),
    [10, 10, 5],
  );
});

test('where the time of a retry can not be set it fails all the same, and comes at the visibility time', async () => {
  for (const fault of ['entry', 'call'] as const) {
    const { run, telemetry } = world(retryAll, fault);
    assert.deepEqual(await run([body(0), body(1)]), ['m0', 'm1']);
    assert.ok(telemetry.logs().some(({ level, fields }) => level === 'warn' && fields['queue'] === 'jobs'));
  }
});

test('a message that is twice in a batch has one outcome', async () => {
  const { run, seen, changes } = world(retryAll);
  const twice = { ...body(0), id: 'same' };
  assert.deepEqual(await run([twice, { ...twice, receiveCount: 2 }]), ['same']);
  assert.equal(seen.length, 2);
  assert.deepEqual(
    changes.flat().map(({ handle }) => handle),
    ['h0', 'h1'],
  );
});

test('an event that is none is refused', async () => {
  const { handle } = world();
  for (const event of [null, {}, { Records: [{ messageId: 'x' }] }])
    await assert.rejects(handle(event), z.ZodError);
});

interface Body {
  n: number;
}

interface Arriving {
  text: string;
  id?: string;
  group?: string;
  receiveCount?: number;
}

const parse = (value: unknown): Body => z.object({ n: z.number() }).parse(value);

const retryAll: BatchHandler<Body> = async (batch) =>
  batch.map(({ id }): MessageOutcome => ({ id, outcome: 'retry', delayMs: 1_000 }));

function body(n: number): Arriving {
  return { text: JSON.stringify({ n }) };
}

function world(handler: BatchHandler<Body> = async () => [], fault: 'entry' | 'call' | null = null) {
  const clock = createVirtualClock(1_700_000_000_000);
  const telemetry = createRecorder();
  const client = new SQSClient(emulatorConfig);
  const changes: { handle: string; seconds: number }[][] = [];
  const seen: Parameters<BatchHandler<Body>>[0][number][] = [];
  answerInstead(client, async (_command, input) => {
    const entries = input['Entries'] as { Id: string; ReceiptHandle: string; VisibilityTimeout: number }[];
    changes.push(entries.map((entry) => ({ handle: entry.ReceiptHandle, seconds: entry.VisibilityTimeout })));
    if (fault === 'call') throw new Error('the line is dead');
    const failed = fault === 'entry' ? entries : [];
    return { Failed: failed.map(({ Id }) => ({ Id, Code: 'ReceiptHandleIsInvalid', SenderFault: true })) };
  });
  const handle = handleSqsEvent<Body>(
    { client, queueUrl: 'http://127.0.0.1:9/0/jobs', queue: 'jobs', clock, telemetry, parse },
    async (batch) => {
      seen.push(...batch);
      return handler(batch);
    },
  );
  const run = async (arriving: readonly Arriving[]): Promise<string[]> => {
    const Records = arriving.map(({ text, id, group, receiveCount = 1 }, n) => ({
      messageId: id ?? `m${n}`,
      receiptHandle: `h${n}`,
      body: text,
      attributes: {
        ApproximateReceiveCount: String(receiveCount),
        SentTimestamp: '1700000000000',
        ...(group ? { MessageGroupId: group } : {}),
      },
      messageAttributes: {},
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:jobs',
      awsRegion: 'us-east-1',
    }));
    const { batchItemFailures } = await handle({ Records });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { run, handle, clock, telemetry, changes, seen };
}
