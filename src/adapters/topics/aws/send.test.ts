// What SNS and SQS may answer and MiniStack never does: failures inside a 200, calls that fail. And what is sent.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Topic } from '../../../ports/queue.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createSnsTopic, createSqsQueue } from './index.ts';
import { answerInstead, emulatorConfig } from './testing.ts';

for (const kind of ['topic', 'queue'] as const) {
  for (const fifo of [false, true]) {
    const sends = (says: string, run: (world: World) => Promise<void>): void => {
      test(`${fifo ? 'FIFO' : 'standard'} ${kind}: ${says}`, () => run(world(kind, fifo)));
    };

    sends('ten messages to a call, in order', async ({ publish, calls, sent }) => {
      await publish(25);
      assert.deepEqual(calls.map((entries) => entries.length).toSorted(), [10, 10, 5]);
      assert.deepEqual(
        sent().toSorted((a, b) => a - b),
        Array.from({ length: 25 }, (_, n) => n),
      );
      for (const entries of calls)
        assert.deepEqual(
          bodies(entries),
          bodies(entries).toSorted((a, b) => a - b),
        );
    });

    sends('no call for no message', async ({ topic, calls }) => {
      await topic.publish([]);
      assert.equal(calls.length, 0);
    });

    sends('a call holds 256 KiB at most, attributes and all', async ({ topic, calls, fifo }) => {
      const text = 'é'.repeat(50_000);
      const attributes = { padding: 'x'.repeat(20_000) };
      await topic.publish(
        Array.from({ length: 6 }, (_, n) => ({
          body: { n, text },
          attributes,
          ...(fifo ? { group: 'g' } : {}),
        })),
      );
      assert.deepEqual(calls.map((entries) => entries.length).toSorted(), [2, 2, 2]);
    });

    sends('a message that is too large is refused, and nothing is sent', async ({ topic, calls, fifo }) => {
      const group = fifo ? { group: 'g' } : {};
      const text = 'x'.repeat(256 * 1024 - 20);
      await assert.rejects(
        topic.publish([
          { body: { n: 0 }, ...group },
          { body: { n: 1, text }, attributes: { padding: 'x'.repeat(100) }, ...group },
        ]),
        /a message of 262\d{3} bytes; allowed are 262144/,
      );
      assert.equal(calls.length, 0);
    });

    sends(
      'what fails inside an answer of 200 is tried again, alone',
      async ({ publish, calls, faults, sent }) => {
        faults.push((n) => (n === 1 || n === 3 ? { Code: 'InternalError', SenderFault: false } : null));
        await publish(5);
        assert.deepEqual(calls.map(bodies), [
          [0, 1, 2, 3, 4],
          [1, 3],
        ]);
        assert.deepEqual(sent(), [0, 2, 4, 1, 3]);
      },
    );

    sends('a message tried again keeps its id', async ({ publish, calls, faults, fifo }) => {
      faults.push(() => ({ Code: 'InternalError', SenderFault: false }));
      await publish(2);
      const [first = [], second = []] = calls.map((entries) =>
        entries.map((entry) => entry.MessageDeduplicationId),
      );
      assert.deepEqual(first, second);
      assert.equal(new Set(first).size, fifo ? 2 : 1);
    });

    sends('what fails again and again is told, with how many', async ({ publish, calls, faults, clock }) => {
      const began = clock.now();
      for (let tries = 0; tries < 10; tries += 1) {
        faults.push((n) =>
          n < 3 ? { Code: 'ThrottlingException', Message: 'slowly', SenderFault: true } : null,
        );
      }
      await assert.rejects(
        publish(7),
        /3 of 7 messages may not have been sent \(ThrottlingException: slowly\)/,
      );
      assert.equal(calls.length, 4);
      assert.ok(clock.now() - began <= 1_500, `${clock.now() - began} ms`);
    });

    sends('those that failed together wait by chance', async () => {
      const waits = new Set<number>();
      for (let seed = 0; seed < 5; seed += 1) {
        const { publish, faults, clock } = world(kind, fifo, seed);
        const began = clock.now();
        faults.push(() => ({ Code: 'InternalError', SenderFault: false }));
        await publish(1);
        waits.add(clock.now() - began);
      }
      assert.ok(waits.size >= 4);
    });

    sends("a sender's fault is not tried again", async ({ publish, calls, faults, sent }) => {
      faults.push((n) => (n === 0 ? { Code: 'InvalidParameter', SenderFault: true } : null));
      await assert.rejects(publish(3), /1 of 3 messages may not have been sent \(InvalidParameter\)/);
      assert.equal(calls.length, 1);
      assert.deepEqual(sent(), [1, 2]);
    });

    sends('what the answer does not name was not sent', async ({ publish, calls, faults }) => {
      faults.push((n) => (n === 2 ? 'unnamed' : null));
      await publish(4);
      assert.deepEqual(calls.map(bodies), [[0, 1, 2, 3], [2]]);
    });

    sends('a call that fails is told with its cause, and what came of the rest', async (own) => {
      const { publish, calls, faults, sent, fifo } = own;
      const broken = new Error('the line is dead');
      faults.push(() => {
        throw broken;
      });
      const error: unknown = await publish(20).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof Error);
      assert.equal(error.cause, broken);
      // In FIFO, what follows must not overtake; else the other call went on.
      assert.match(error.message, fifo ? /20 of 20 messages/ : /10 of 20 messages/);
      assert.match(error.message, /the line is dead/);
      assert.equal(calls.length, fifo ? 1 : 2);
      assert.equal(sent().length, fifo ? 0 : 10);
    });

    sends('calls are few at one time', async ({ publish, atOnce, fifo }) => {
      await publish(100);
      assert.equal(atOnce.most, fifo ? 1 : 4);
    });

    sends('attributes go as strings, and the trace beside them', async (own) => {
      const { topic, calls, fifo } = own;
      await topic.publish([
        { body: { n: 0 }, attributes: { Host: 'ec2', OS: 'linux' }, ...(fifo ? { group: 'g' } : {}) },
      ]);
      assert.deepEqual(calls[0]?.[0]?.MessageAttributes, {
        traceparent: { DataType: 'String', StringValue: own.traceparent },
        Host: { DataType: 'String', StringValue: 'ec2' },
        OS: { DataType: 'String', StringValue: 'linux' },
      });
    });

    sends('attributes that AWS would drop or refuse are refused', async ({ topic, calls, fifo }) => {
      const group = fifo ? { group: 'g' } : {};
      const ten = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, 'x']));
      for (const [attributes, expected] of [
        [ten, /10 attributes; allowed are 9/],
        [{ Host: '' }, /attribute Host is empty/],
        [{ 'a b': 'x' }, /an attribute named "a b"/],
      ] as const) {
        await assert.rejects(topic.publish([{ body: { n: 0 }, attributes, ...group }]), expected);
      }
      assert.equal(calls.length, 0);
    });

    sends('a body holds what XML does not, and must be JSON', async ({ topic, calls, fifo }) => {
      const group = fifo ? { group: 'g' } : {};
      const text = '\u0000\u001f\ud800\ufffe\uffff\u{1f600}"';
      await topic.publish([{ body: { n: 0, text }, ...group }]);
      const sent = textOf(calls[0]?.[0]);
      assert.match(sent, /^[\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]*$/u);
      assert.deepEqual(JSON.parse(sent), { n: 0, text });
      await assert.rejects(
        topic.publish([{ body: undefined as never, ...group }]),
        /a body that is undefined/,
      );
    });
  }
}

test('a standard target is sent neither group nor deduplication id', async () => {
  for (const kind of ['topic', 'queue'] as const) {
    const { topic, calls } = world(kind, false);
    await topic.publish([{ body: { n: 0 }, group: 'g', deduplicationId: 'x' }]);
    assert.deepEqual(
      Object.keys(calls[0]?.[0] ?? {}).filter((key) => /Group|Dedup|Delay/.test(key)),
      [],
    );
  }
});

test('a deduplication id that is too long or has strange letters is sent as its hash', async () => {
  const { topic, calls } = world('topic', true);
  const long = 'x'.repeat(129);
  for (const deduplicationId of ['wake:ec2:1700000000000', 'x'.repeat(128), long, long, 'a b', 'ä']) {
    await topic.publish([{ body: { n: 0 }, group: 'g', deduplicationId }]);
  }
  const ids = calls.map(([entry]) => entry?.MessageDeduplicationId ?? '');
  assert.deepEqual(ids.slice(0, 2), ['wake:ec2:1700000000000', 'x'.repeat(128)]);
  for (const id of ids.slice(2)) assert.match(id, /^[0-9a-f]{64}$/);
  assert.equal(ids[2], ids[3]);
  assert.equal(new Set(ids).size, 5);
});

test('a group that AWS would refuse is refused', async () => {
  const { topic } = world('queue', true);
  for (const group of ['x'.repeat(129), 'a b', 'ä']) {
    await assert.rejects(topic.publish([{ body: { n: 0 }, group }]), /a group named/);
  }
});

test('a delay is sent in whole seconds, rather late than early', async () => {
  const { topic, calls } = world('queue', false);
  const delays = [0, 1, 1_000, 1_001, 900_000];
  await topic.publish(delays.map((delayMs, n) => ({ body: { n }, delayMs })));
  assert.deepEqual(
    calls[0]?.map(({ DelaySeconds }) => DelaySeconds),
    [undefined, 1, 1, 2, 900],
  );
});

test('a topic refuses a delay, which SNS does not have', async () => {
  const { topic, calls } = world('topic', false);
  await assert.rejects(topic.publish([{ body: { n: 0 }, delayMs: 5 }]), /only a standard queue has one/);
  assert.equal(calls.length, 0);
});

interface Body {
  n: number;
  text?: string;
}

/** What SNS and SQS call differently is `Message` and `MessageBody`. */
interface Entry {
  Id: string;
  Message?: string;
  MessageBody?: string;
  MessageAttributes?: unknown;
  MessageDeduplicationId?: string;
  DelaySeconds?: number;
}

/** Of one call: what becomes of the message `n`. */
type Fault = (n: number) => { Code: string; Message?: string; SenderFault: boolean } | 'unnamed' | null;

interface World {
  topic: Topic<Body>;
  publish(count: number): Promise<void>;
  clock: ReturnType<typeof createVirtualClock>;
  fifo: boolean;
  traceparent: string;
  /** Call by call, first to last. */
  calls: Entry[][];
  faults: Fault[];
  sent(): number[];
  atOnce: { now: number; most: number };
}

function world(kind: 'topic' | 'queue', fifo: boolean, seed = 1): World {
  const clock = createVirtualClock(1_700_000_000_000);
  const calls: Entry[][] = [];
  const faults: Fault[] = [];
  const sent: number[] = [];
  const atOnce = { now: 0, most: 0 };
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

  const answer = async (_command: string, input: Readonly<Record<string, unknown>>): Promise<object> => {
    const entries = (input['PublishBatchRequestEntries'] ?? input['Entries']) as Entry[];
    calls.push(entries);
    const fault = faults.shift() ?? (() => null);
    atOnce.now += 1;
    atOnce.most = Math.max(atOnce.most, atOnce.now);
    await Promise.resolve();
    atOnce.now -= 1;
    const failures = entries.map((entry) => ({ entry, failure: fault(numberOf(entry)) }));
    const good = failures.filter(({ failure }) => failure === null).map(({ entry }) => entry);
    sent.push(...bodies(good));
    return {
      Successful: good.map(({ Id }) => ({ Id })),
      Failed: failures.flatMap(({ entry: { Id }, failure }) =>
        failure === null || failure === 'unnamed' ? [] : [{ Id, ...failure }],
      ),
    };
  };
  const common = { fifo, clock, random: createSeededRandom(seed), traceparent: () => traceparent };
  const sns = new SNSClient(emulatorConfig);
  const sqs = new SQSClient({ ...emulatorConfig, md5: false });
  answerInstead(sns, answer);
  answerInstead(sqs, answer);
  const topic: Topic<Body> =
    kind === 'topic'
      ? createSnsTopic({ client: sns, topicArn: 'arn:aws:sns:us-east-1:000000000000:jobs', ...common })
      : createSqsQueue({ client: sqs, queueUrl: 'http://127.0.0.1:9/000000000000/jobs', ...common });
  const publish = async (count: number): Promise<void> => {
    const messages = Array.from({ length: count }, (_, n) => ({
      body: { n },
      ...(fifo ? { group: 'g' } : {}),
    }));
    const [outcome] = await Promise.allSettled([topic.publish(messages), runUntilQuiet()]);
    if (outcome.status === 'rejected') throw outcome.reason;
  };
  const runUntilQuiet = async (): Promise<void> => {
    // Four tries have three waits; a run ends when nothing waits.
    for (let runs = 0; runs < 10; runs += 1) await clock.run();
  };
  return { topic, publish, clock, fifo, traceparent, calls, faults, sent: () => sent, atOnce };
}

function textOf(entry: Entry | undefined): string {
  return entry?.Message ?? entry?.MessageBody ?? '';
}

function numberOf(entry: Entry): number {
  return (JSON.parse(textOf(entry)) as Body).n;
}

function bodies(entries: readonly Entry[]): number[] {
  return entries.map(numberOf);
}
