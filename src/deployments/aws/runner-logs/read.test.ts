import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LogWaiting, readInvocation, readStream } from './read.ts';
import { createStandInLogs } from './testing.ts';

const place = { group: '/runners/runners/ec2', stream: 'a-runner/console' };
const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `line ${from + n}`);
const never: LogWaiting = { pause: () => assert.fail('nothing is waited for'), isStopped: () => false };

async function all(told: AsyncIterable<string> | null): Promise<string[]> {
  assert.ok(told !== null, 'there is no such log');
  const read: string[] = [];
  for await (const line of told) read.push(line);
  return read;
}

test('the last lines of a log are told in order, from as many pages as they take', async () => {
  const logs = createStandInLogs({ pageMax: 10 });
  logs.put(place.group, place.stream, 1_000, ...lines(0, 95));
  const read = (linesMax: number) =>
    readStream(logs.client, place, { linesMax, follow: false }, never).then(all);
  assert.deepEqual(await read(1_000), lines(0, 95));
  assert.deepEqual(await read(37), lines(58, 95));
  assert.deepEqual(await read(1), ['line 94']);
});

test('a log that is not there is none, with its group or without', async () => {
  const logs = createStandInLogs({ pageMax: 10 });
  const request = { linesMax: 10, follow: false };
  assert.equal(await readStream(logs.client, place, request, never), null);
  logs.put(place.group, 'another/console', 1_000, 'a line');
  assert.equal(await readStream(logs.client, place, request, never), null);
});

test('a log that is followed goes on with what is added, once each, and may not have begun', async () => {
  const logs = createStandInLogs({ pageMax: 10 });
  let rests = 0;
  const waiting: LogWaiting = {
    async pause() {
      rests += 1;
      if (rests <= 4)
        logs.put(place.group, place.stream, rests * 1_000, ...lines(rests * 20 - 20, rests * 20));
    },
    isStopped: () => rests > 6,
  };
  const told = await all(await readStream(logs.client, place, { linesMax: 5, follow: true }, waiting));
  assert.deepEqual(told, lines(0, 80));
  const again = { pause: waiting.pause, isStopped: () => rests > 9 };
  const tail = await all(await readStream(logs.client, place, { linesMax: 5, follow: true }, again));
  assert.deepEqual(tail, lines(75, 80));
});

test('of a function’s log only what one request has printed is told, and following ends with it', async () => {
  const logs = createStandInLogs({ pageMax: 10 });
  const start = (id: string) => `START RequestId: ${id} Version: $LATEST\n`;
  const end = (id: string) => `END RequestId: ${id}\n`;
  const group = 'the-function';
  logs.put(group, 'one', 1_000, start('r1'), ...lines(0, 5), end('r1'));
  logs.put(
    group,
    'two',
    2_000,
    start('r0'),
    'of another',
    end('r0'),
    start('r2'),
    ...lines(5, 40),
    end('r2'),
  );
  logs.put(group, 'two', 2_000, start('r3'), 'of yet another', end('r3'));
  const read = (requestId: string, linesMax = 1_000, follow = false) =>
    readInvocation(logs.client, { group, requestId, sinceMs: 0 }, { linesMax, follow }, never);
  const wanted = [start('r2').trim(), ...lines(5, 40), end('r2').trim()];
  assert.deepEqual(await all(await read('r2')), wanted);
  assert.deepEqual(await all(await read('r2', 3)), wanted.slice(-3));
  assert.deepEqual(await all(await read('r2', 1_000, true)), wanted);
  assert.equal(await read('r9'), null);
});

test('a log without an end is read to where it is', async () => {
  const logs = createStandInLogs({ pageMax: 10 });
  logs.put('f', 'one', 1_000, 'START RequestId: r1 Version: 1', ...lines(0, 25));
  const told = await readInvocation(
    logs.client,
    { group: 'f', requestId: 'r1', sinceMs: 0 },
    { linesMax: 1_000, follow: false },
    never,
  );
  assert.equal((await all(told)).length, 26);
  assert.ok(logs.asked() < 12, `${logs.asked()} requests`);
});
