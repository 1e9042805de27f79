// The reader against an emulator of CloudWatch Logs that no one here wrote, by the SDK's own wire.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { createSystemClock } from '../../../adapters/clock/system/index.ts';
import { connect } from '../emulated/connection.ts';
import { type LogWaiting, readInvocation, readStream } from './read.ts';

const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
const never: LogWaiting = { pause: () => assert.fail('nothing is waited for'), isStopped: () => false };
const requestId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

async function all(told: AsyncIterable<string> | null): Promise<string[]> {
  assert.ok(told !== null, 'there is no such log');
  const read: string[] = [];
  for await (const line of told) read.push(line);
  return read;
}

describe('logs of runners, in an emulator', () => {
  const clock = createSystemClock();
  const group = '/runners/runners/ec2';
  const stream = 'a-runner/console';
  let emulator: Awaited<ReturnType<typeof startMiniStack>>;
  let client: CloudWatchLogsClient;

  const put = async (logStreamName: string, ...messages: string[]) => {
    const timestamp = clock.now();
    const logEvents = messages.map((message) => ({ timestamp, message }));
    await client.send(new PutLogEventsCommand({ logGroupName: group, logStreamName, logEvents }));
  };

  before(async () => {
    emulator = await startMiniStack();
    client = connect(CloudWatchLogsClient, emulator.endpoint);
    await client.send(new CreateLogGroupCommand({ logGroupName: group }));
    for (const logStreamName of [stream, 'a-function'])
      await client.send(new CreateLogStreamCommand({ logGroupName: group, logStreamName }));
  });
  after(async () => {
    client.destroy();
    await emulator.stop();
  });

  test('the last lines, none where there is no stream or no group, and what is added meanwhile', async () => {
    await put(stream, ...lines(0, 50));
    const read = (linesMax: number) =>
      readStream(client, { group, stream }, { linesMax, follow: false }, never).then(all);
    assert.deepEqual(await read(10), lines(40, 50));
    assert.deepEqual(await read(500), lines(0, 50));
    const request = { linesMax: 10, follow: false };
    assert.equal(await readStream(client, { group, stream: 'another' }, request, never), null);
    assert.equal(await readStream(client, { group: 'another', stream }, request, never), null);

    let rests = 0;
    const waiting: LogWaiting = {
      async pause() {
        rests += 1;
        if (rests === 1) await put(stream, ...lines(50, 55));
      },
      isStopped: () => rests > 2,
    };
    const told = await readStream(client, { group, stream }, { linesMax: 3, follow: true }, waiting);
    assert.deepEqual(await all(told), lines(47, 55));
  });

  test('what one invocation has printed', async () => {
    const since = clock.now();
    await put('a-function', `START RequestId: ${requestId} Version: $LATEST\n`, ...lines(0, 5));
    await put('a-function', `END RequestId: ${requestId}\n`, 'of the next one');
    const place = { group, requestId, sinceMs: since - 1_000 };
    const told = await readInvocation(client, place, { linesMax: 100, follow: true }, never);
    assert.deepEqual(await all(told), [
      `START RequestId: ${requestId} Version: $LATEST`,
      ...lines(0, 5),
      `END RequestId: ${requestId}`,
    ]);
  });
});
