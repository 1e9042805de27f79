import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import { type ContractBody, queueContract } from '../../../ports/queue.contract.ts';
import type { OutgoingMessage } from '../../../ports/queue.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import {
  createInProcessQueue,
  createInProcessTopic,
  type DeadLetter,
  type FailedBatch,
  type QueueSettings,
} from './index.ts';

queueContract('in-process queue', async () => {
  const clock = createVirtualClock(1_700_000_000_000);
  let queuesMade = 0;
  return {
    now: clock.now,
    sleep: clock.sleep,
    advance: async (ms) => {
      await clock.advance(ms);
    },
    end: async () => {},
    createTopic: async ({ fifo }) => {
      const topic = createInProcessTopic<ContractBody>({ name: 'topic', fifo });
      return {
        publish: topic.publish,
        subscribe: async (terms, policy) => {
          queuesMade += 1;
          const queue = createInProcessQueue<ContractBody>({
            ...terms,
            name: `queue${queuesMade}`,
            clock,
            onHandlerError: () => {},
          });
          topic.subscribe(queue, policy);
          return {
            consume: queue.consume,
            publish: queue.publish,
            deadLetters: async () => queue.deadLetters().map(({ body }) => body),
            redrive: async () => {
              queue.redrive();
            },
          };
        },
      };
    },
  };
});

test('a lone message is handled in the next turn of the event loop of a real process', async () => {
  const queue = createInProcessQueue<Body>({ ...settings, clock: createSystemClock() });
  const seen: number[] = [];
  queue.consume(async (batch) => {
    seen.push(...batch.map(({ body }) => body.n));
    return [];
  });
  await queue.publish([{ body: { n: 1 } }]);
  assert.deepEqual(seen, []);
  await turnOfEventLoop();
  assert.deepEqual(seen, [1]);
  await queue.close();
});

test('a long chain of messages leaves the process its turns', async () => {
  const queue = createInProcessQueue<Body>({ ...settings, concurrency: 1, clock: createSystemClock() });
  let handled = 0;
  queue.consume(async ([first]) => {
    handled += 1;
    if (first) await queue.publish([{ body: { n: first.body.n + 1 } }]);
    return [];
  });
  await queue.publish([{ body: { n: 0 } }]);
  for (let i = 0; i < 20; i += 1) await turnOfEventLoop();
  await queue.close();
  assert.ok(handled >= 10 && handled <= 21, `${handled} handled in 20 turns`);
});

test('no timer is left when nothing is delayed or in flight', async () => {
  const { clock, queue } = world();
  queue.consume(async () => []);
  await queue.publish(Array.from({ length: 100 }, (_, n) => ({ body: { n } })));
  await clock.run();
  assert.equal(clock.now(), startMs);
  assert.equal(clock.pending(), 0);
});

test('an error of the handler is reported with the queue and its messages', async () => {
  const failures: { error: unknown; failed: FailedBatch }[] = [];
  const { clock, queue } = world({
    receivesMax: 2,
    onHandlerError: (error, failed) => failures.push({ error, failed }),
  });
  const broken = new Error('broken');
  queue.consume(() => {
    throw broken;
  });
  await queue.publish([{ body: { n: 1 } }]);
  await clock.run();
  const failed = { queue: 'queue', messageIds: ['queue-1'] };
  assert.deepEqual(failures, [
    { error: broken, failed },
    { error: broken, failed },
  ]);
});

test('an answer for a message that is not in the batch, or with an impossible delay, counts as a throw', async () => {
  for (const answer of [
    { id: 'stranger', outcome: 'done' } as const,
    { id: 'queue-1', outcome: 'retry', delayMs: Number.NaN } as const,
    { id: 'queue-1', outcome: 'retry', delayMs: 12 * 3_600_000 + 1 } as const,
  ]) {
    const errors: unknown[] = [];
    const { clock, queue } = world({ receivesMax: 1, onHandlerError: (error) => errors.push(error) });
    queue.consume(async () => [answer]);
    await queue.publish([{ body: { n: 1 } }]);
    await clock.run();
    assert.equal(errors.length, 1);
    assert.match(String(errors[0]), /queue queue: the handler (answered|asked)/);
    assert.equal(queue.depth().deadLetters, 1);
  }
});

test('a handler that never answers is reported, and does not stop the queue', async () => {
  const errors: string[] = [];
  const { clock, queue } = world({
    concurrency: 1,
    batchSizeMax: 1,
    receivesMax: 2,
    onHandlerError: (error) => errors.push(String(error)),
  });
  const done: number[] = [];
  queue.consume(async (batch) => {
    if (batch[0]?.body.n === 0) await new Promise(() => {});
    done.push(...batch.map(({ body }) => body.n));
    return [];
  });
  await queue.publish([{ body: { n: 0 } }, { body: { n: 1 } }]);
  await clock.run();
  assert.deepEqual(done, [1]);
  assert.equal(errors.length, 2);
  assert.match(errors[0] ?? '', /has not answered within 30000 ms/);
  assert.deepEqual(queue.depth(), { waiting: 0, inFlight: 0, delayed: 0, deadLetters: 1 });
});

test('the depth tells where the messages are', async () => {
  for (const fifo of [false, true]) {
    const { clock, queue, publish } = world({ fifo, concurrency: 1, batchSizeMax: 2 });
    await publish(0, 1, 2, 3, 4);
    assert.deepEqual(queue.depth(), { waiting: 5, inFlight: 0, delayed: 0, deadLetters: 0 });
    queue.consume(async (batch) => {
      await clock.sleep(1_000);
      return batch.map(({ id }) => ({ id, outcome: 'retry', delayMs: 60_000 }));
    });
    await clock.advance(0);
    assert.deepEqual(queue.depth(), { waiting: 3, inFlight: 2, delayed: 0, deadLetters: 0 });
    await clock.advance(10_000);
    // The messages behind one that comes back later wait for it, in a group.
    assert.deepEqual(queue.depth(), { waiting: 0, inFlight: 0, delayed: 5, deadLetters: 0 });
  }
});

test('a long backlog is handled in order', async () => {
  for (const fifo of [false, true]) {
    const { clock, queue, publish, seen } = world({ fifo, concurrency: 1 });
    const numbers = Array.from({ length: 6_000 }, (_, n) => n);
    await publish(...numbers.slice(0, 5_000));
    queue.consume(seen.handler);
    for (let i = 0; i < 300; i += 1) await clock.step();
    assert.ok(seen.numbers.length > 2_000 && seen.numbers.length < 5_000);
    await publish(...numbers.slice(5_000));
    await clock.run();
    assert.deepEqual(seen.numbers, numbers);
  }
});

test('a queue is idle when only time or a new message can bring more', async () => {
  for (const fifo of [false, true]) {
    const { clock, queue, publish } = world({ fifo });
    let isIdle = false;
    queue.consume(async (batch) => {
      await clock.sleep(10);
      return batch.flatMap(({ id, receiveCount }) =>
        receiveCount === 1 ? [{ id, outcome: 'retry' as const, delayMs: 1_000 }] : [],
      );
    });
    await queue.idle();
    await publish(1);
    void queue.idle().then(() => {
      isIdle = true;
    });
    await clock.advance(9);
    assert.equal(isIdle, false);
    await clock.advance(1);
    assert.equal(isIdle, true);
    isIdle = false;
    await clock.advance(1_000);
    void queue.idle().then(() => {
      isIdle = true;
    });
    await clock.advance(9);
    assert.equal(isIdle, false);
    await clock.advance(1);
    assert.equal(isIdle, true);
  }
});

test('a closed queue takes no more, waits for its handlers, and leaves no timer', async () => {
  const { clock, queue, publish } = world({ concurrency: 1, batchSizeMax: 1 });
  let isClosed = false;
  const done: number[] = [];
  queue.consume(async (batch) => {
    await clock.sleep(5_000);
    done.push(...batch.map(({ body }) => body.n));
    return [];
  });
  await queue.publish([{ body: { n: 9 }, delayMs: 60_000 }]);
  await publish(0, 1);
  await clock.advance(1_000);
  const closing = Promise.all([queue.close(), queue.close()]).then(() => {
    isClosed = true;
  });
  await publish(2);
  await clock.advance(3_999);
  assert.equal(isClosed, false);
  await clock.advance(1);
  await closing;
  assert.deepEqual(done, [0]);
  assert.equal(clock.pending(), 0);
  assert.deepEqual(queue.depth(), { waiting: 2, inFlight: 0, delayed: 1, deadLetters: 0 });
});

test('a batch that fails while its queue closes leaves no timer', async () => {
  for (const fifo of [false, true]) {
    const { clock, queue, publish } = world({ fifo });
    queue.consume(async (batch) => {
      await clock.sleep(5_000);
      return batch.map(({ id }) => ({ id, outcome: 'retry', delayMs: 60_000 }));
    });
    await publish(0);
    await clock.advance(0);
    const closed = queue.close();
    await clock.advance(5_000);
    await closed;
    assert.equal(clock.pending(), 0);
    assert.deepEqual(queue.depth(), { waiting: 0, inFlight: 0, delayed: 1, deadLetters: 0 });
  }
});

test('a full queue refuses, takes nothing of it, and takes again when there is room', async () => {
  const { clock, queue, publish, seen } = world({ messagesMax: 3, batchSizeMax: 2, concurrency: 1 });
  await publish(0, 1);
  await assert.rejects(publish(2, 3), /queue queue: full/);
  assert.equal(queue.depth().waiting, 2);
  await publish(2);
  queue.consume(seen.handler);
  await clock.run();
  await publish(3, 4, 5);
  await clock.run();
  assert.deepEqual(seen.numbers, [0, 1, 2, 3, 4, 5]);
});

test('a second handler is refused', () => {
  const { queue } = world();
  queue.consume(async () => []);
  assert.throws(() => queue.consume(async () => []), /has a handler already/);
});

test('a body that JSON can not carry is refused with its place, and nothing is sent', async () => {
  const { queue } = world();
  const bodies: [unknown, RegExp][] = [
    [{ n: 1, made: [new Date(0)] }, /body\.made\[0\] is a Date/],
    [{ n: 1, deep: { call: () => {} } }, /body\.deep\.call is a function/],
    [{ n: 1n }, /body\.n is a bigint/],
    [new Map(), /body is a Map/],
  ];
  for (const [body, expected] of bodies) {
    const messages = [{ body: { n: 0 } }, { body }] as OutgoingMessage<Body>[];
    await assert.rejects(queue.publish(messages), expected);
  }
  assert.equal(queue.depth().waiting, 0);
});

test('settings out of bounds are refused with what is allowed', () => {
  const wrong: [Partial<QueueSettings<Body>>, RegExp][] = [
    [{ fifo: true, batchSizeMax: 11 }, /batchSizeMax is 11; allowed is a whole number from 1 to 10$/],
    [{ batchSizeMax: 10_001 }, /batchSizeMax/],
    [{ concurrency: 0 }, /concurrency is 0/],
    [{ receivesMax: 1.5 }, /receivesMax is 1.5/],
    [{ visibilityMs: Number.POSITIVE_INFINITY }, /visibilityMs/],
  ];
  for (const [own, expected] of wrong) assert.throws(() => world(own), expected);
});

test('a topic takes queues of its kind, and policies that SNS takes', () => {
  const { queue } = world();
  assert.throws(() => createInProcessTopic<Body>({ name: 't', fifo: true }).subscribe(queue), /same kind/);
  const topic = createInProcessTopic<Body>({ name: 't', fifo: false });
  assert.throws(
    () => topic.subscribe(queue, { a: ['1'], b: ['1'], c: ['1'], d: ['1'], e: ['1'], f: ['1'] }),
    /6 attr/,
  );
  assert.throws(() => topic.subscribe(queue, { a: [] }), /each with a value/);
  const many = Array.from({ length: 13 }, (_, i) => String(i));
  assert.throws(() => topic.subscribe(queue, { a: many, b: many }), /169 combinations/);
});

test('a dropped message is among the dead letters, is told of, and can be brought back', async () => {
  for (const fifo of [false, true]) {
    const letters: DeadLetter<Body>[] = [];
    let isDropping = true;
    const { clock, queue, publish, seen } = world({
      fifo,
      onDeadLetter: (letter) => letters.push(letter),
      faults: { onPublish: ({ body }) => (isDropping && body.n === 1 ? [] : [{ delayMs: 0 }]) },
    });
    queue.consume(seen.handler);
    await publish(0, 1, 2);
    await clock.run();
    assert.deepEqual(seen.numbers, [0, 2]);
    assert.deepEqual(
      letters.map(({ cause, body, receiveCount }) => ({ cause, body, receiveCount })),
      [{ cause: 'dropped', body: { n: 1 }, receiveCount: 0 }],
    );
    isDropping = false;
    assert.equal(queue.redrive(), 1);
    await clock.run();
    assert.deepEqual(seen.numbers, [0, 2, 1]);
  }
});

test('a standard queue can repeat and reorder', async () => {
  const { clock, queue, publish, seen } = world({
    faults: {
      onPublish: ({ body }) => (body.n === 0 ? [{ delayMs: 50 }, { delayMs: 20 }] : [{ delayMs: 30 }]),
    },
  });
  queue.consume(seen.handler);
  await publish(0, 1);
  await clock.run();
  assert.deepEqual(seen.numbers, [0, 1, 0]);
  assert.equal(clock.now(), startMs + 50);
});

test('a FIFO queue neither repeats nor reorders, but can be late', async () => {
  const { clock, queue, publish, seen } = world({
    fifo: true,
    faults: {
      onPublish: ({ body }) => (body.n === 0 ? [{ delayMs: 50 }, { delayMs: 20 }] : [{ delayMs: 0 }]),
    },
  });
  queue.consume(seen.handler);
  await publish(0, 1);
  await queue.publish([{ body: { n: 2 }, group: 'other' }]);
  await clock.advance(49);
  assert.deepEqual(seen.numbers, [2]);
  await clock.run();
  assert.deepEqual(seen.numbers, [2, 0, 1]);
});

test('a group that is late while it waits for its turn has one turn all the same', async () => {
  const { clock, queue } = world({
    fifo: true,
    concurrency: 2,
    faults: { onPublish: ({ body }) => [{ delayMs: body.n === 5 ? 100 : 0 }] },
  });
  const batches: number[][] = [];
  queue.consume(async (batch) => {
    batches.push(batch.map(({ body }) => body.n));
    await clock.sleep(batch[0]?.body.n === 4 ? 20_000 : 10_000);
    return [];
  });
  for (const n of [1, 2, 3, 4]) await queue.publish([{ body: { n }, group: `g${n}` }]);
  await clock.advance(0);
  await queue.publish([{ body: { n: 5 }, group: 'g4' }]);
  await clock.run();
  assert.deepEqual(batches, [[1], [2], [3], [4, 5]]);
});

test('a message can be visible again while its handler works, and the first answer then counts for nothing', async () => {
  const { clock, queue, publish } = world({
    batchSizeMax: 1,
    receivesMax: 3,
    faults: { onReceive: ({ receiveCount }) => (receiveCount === 1 ? 100 : null) },
  });
  const began: { at: number; receiveCount: number }[] = [];
  queue.consume(async ([first]) => {
    if (first) began.push({ at: clock.now() - startMs, receiveCount: first.receiveCount });
    await clock.sleep(250);
    return first?.receiveCount === 1 ? [{ id: first.id, outcome: 'retry', delayMs: 0 }] : [];
  });
  await publish(0);
  await clock.run();
  assert.deepEqual(began, [
    { at: 0, receiveCount: 1 },
    { at: 100, receiveCount: 2 },
  ]);
  assert.deepEqual(queue.depth(), { waiting: 0, inFlight: 0, delayed: 0, deadLetters: 0 });
});

test('nothing is lost and order is kept, whatever handlers do', async () => {
  for (let seed = 0; seed < 60; seed += 1) {
    const random = createSeededRandom(seed);
    const fifo = seed % 2 === 0;
    const { clock, queue } = world({
      fifo,
      concurrency: 1 + random.int(4),
      batchSizeMax: 1 + random.int(10),
      receivesMax: 1_000,
      faults: {
        onPublish: () => [{ delayMs: random.chance(0.1) ? random.int(5_000) : 0 }],
        onReceive: () => (random.chance(0.05) ? random.int(5_000) : null),
      },
    });
    const done = new Set<number>();
    const orderOf = new Map<number, number[]>();
    const groupsAtWork = new Set<string>();
    const faultsSeen: string[] = [];
    const begin = (batch: readonly { body: Body }[]): string => {
      const groups = new Set(batch.map(({ body }) => `g${body.n % 5}`));
      const [group = 'none'] = groups;
      if (batch.length === 0) faultsSeen.push('an empty batch');
      if (fifo && groups.size !== 1) faultsSeen.push(`a batch of ${groups.size} groups`);
      if (fifo && groupsAtWork.has(group)) faultsSeen.push(`two batches of ${group}`);
      groupsAtWork.add(group);
      return group;
    };
    queue.consume(async (batch) => {
      const group = begin(batch);
      await clock.sleep(random.exponential(500));
      groupsAtWork.delete(group);
      if (random.chance(0.1)) throw new Error('handler breaks');
      // What a stalled handler does after the visibility time is out of order, on SQS too.
      if (!fifo && random.chance(0.01)) await clock.sleep(2 * settings.visibilityMs);
      // As a FIFO handler must, it stops at the first message that it could not do.
      const failAt = random.chance(0.1) ? random.int(batch.length) : batch.length;
      for (const { body } of batch.slice(0, failAt)) {
        done.add(body.n);
        orderOf.set(body.n % 5, [...(orderOf.get(body.n % 5) ?? []), body.n]);
      }
      return batch.slice(failAt).map(({ id }) => ({ id, outcome: 'retry', delayMs: random.int(3_000) }));
    });
    let published = 0;
    const publishNext = async (): Promise<void> => {
      const n = published;
      published += 1;
      await queue.publish([{ body: { n }, ...(fifo ? { group: `g${n % 5}` } : {}) }]);
    };
    for (let n = 0; n < 300; n += 1) clock.after(random.int(20_000), () => void publishNext());
    await clock.run();
    assert.equal(done.size, 300, `seed ${seed}`);
    assert.deepEqual(faultsSeen, [], `seed ${seed}`);
    assert.deepEqual(queue.depth(), { waiting: 0, inFlight: 0, delayed: 0, deadLetters: 0 }, `seed ${seed}`);
    if (!fifo) continue;
    for (const [group, numbers] of orderOf) {
      const expected = Array.from({ length: 60 }, (_, i) => i * 5 + group);
      assert.deepEqual(numbers, expected, `seed ${seed}`);
    }
  }
});

interface Body {
  n: number;
}

const startMs = 1_700_000_000_000;

const settings = {
  name: 'queue',
  fifo: false,
  visibilityMs: 30_000,
  receivesMax: 5,
  batchSizeMax: 10,
  concurrency: 4,
  onHandlerError: () => {},
};

function world(own: Partial<QueueSettings<Body>> = {}) {
  const clock = createVirtualClock(startMs);
  const queue = createInProcessQueue<Body>({ ...settings, clock, ...own });
  const numbers: number[] = [];
  return {
    clock,
    queue,
    publish: (...ns: number[]) =>
      queue.publish(ns.map((n) => ({ body: { n }, ...(queue.fifo ? { group: 'g' } : {}) }))),
    seen: {
      numbers,
      handler: async (batch: readonly { body: Body }[]) => {
        numbers.push(...batch.map(({ body }) => body.n));
        return [];
      },
    },
  };
}
