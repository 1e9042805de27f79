import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { BatchHandler } from '../../../ports/queue.ts';
import { createRecorder } from '../../telemetry/recorder/index.ts';
import { handleStreamEvent, type StreamRecord } from './index.ts';
import { metrics } from './metrics.ts';

test('all that was done moves the stream on', async () => {
  const { run, seen } = world();
  assert.deepEqual(await run(['a'], [], ['b', 'c']), []);
  assert.deepEqual(seen, ['a', 'b', 'c']);
});

test('the first place with a message to be retried is named, alone', async () => {
  const { run } = world(async (batch) =>
    batch
      .filter(({ body }) => body !== 'a')
      .toReversed()
      .map(({ id }) => ({ id, outcome: 'retry', delayMs: 1_000 })),
  );
  assert.deepEqual(await run(['a'], ['a', 'b'], ['c']), [place(1)]);
});

test('a record that can not be read fails each time and is counted; the others are handled', async () => {
  const { run, seen, telemetry } = world();
  assert.deepEqual(await run(['a'], ['unreadable'], ['b'], ['unreadable']), [place(1)]);
  assert.deepEqual(seen, ['a', 'b']);
  assert.equal(telemetry.counted(metrics.unreadable, { queue: 'changes' }), 2);
});

test('where no record tells anything the handler is not called', async () => {
  let calls = 0;
  const { run } = world(async () => {
    calls += 1;
    return [];
  });
  assert.deepEqual(await run([], []), []);
  assert.deepEqual(await run(['unreadable']), [place(0)]);
  assert.equal(calls, 0);
});

test('a handler that throws, or whose answer can not be meant, fails the batch', async () => {
  const broken = new Error('broken');
  const throwing = world(async () => {
    throw broken;
  });
  await assert.rejects(throwing.run(['a']), (error) => error === broken);
  const odd = world(async () => [{ id: 'stranger', outcome: 'done' }]);
  await assert.rejects(odd.run(['a']), /changes: the handler answered for stranger/);
});

test('a record without images is one that can not be read, as any other', async () => {
  const { handle } = world();
  const event = { Records: [{ dynamodb: { SequenceNumber: place(7) } }] };
  assert.deepEqual(await handle(event), { batchItemFailures: [{ itemIdentifier: place(7) }] });
});

test('an event that is none is refused', async () => {
  const { handle } = world();
  for (const event of [null, {}, { Records: [{ dynamodb: {} }] }])
    await assert.rejects(handle(event), z.ZodError);
});

/** As DynamoDB's are: longer than a number holds. */
function place(n: number): string {
  return `10000000000000000000${n}`;
}

function world(handler: BatchHandler<string> = async () => []) {
  const telemetry = createRecorder();
  const seen: string[] = [];
  const read = ({ dynamodb }: StreamRecord): string[] => {
    const told = JSON.parse(dynamodb.NewImage?.['told']?.S ?? '') as string[];
    if (told.includes('unreadable')) throw new Error('a row of no known kind');
    return told;
  };
  const handle = handleStreamEvent<string>({ stream: 'changes', telemetry, read }, async (batch) => {
    seen.push(...batch.map(({ body }) => body));
    return handler(batch);
  });
  const run = async (...records: string[][]): Promise<string[]> => {
    const Records = records.map((told, n) => ({
      eventID: `e${n}`,
      eventName: 'MODIFY',
      dynamodb: { SequenceNumber: place(n), NewImage: { told: { S: JSON.stringify(told) } } },
    }));
    const { batchItemFailures } = await handle({ Records });
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
  };
  return { handle, run, seen, telemetry };
}
