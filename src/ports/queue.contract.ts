import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BatchHandler, FilterPolicy, OutgoingMessage, ReceivedMessage } from './queue.ts';

export interface ContractBody {
  n: number;
  tags?: string[];
}

interface ContractQueueTerms {
  fifo: boolean;
  visibilityMs: number;
  receivesMax: number;
  batchSizeMax: number;
  concurrency: number;
}

interface ContractQueue {
  consume(handler: BatchHandler<ContractBody>): void;
  /** To this queue alone. */
  publish(messages: readonly OutgoingMessage<ContractBody>[]): Promise<void>;
  deadLetters(): Promise<ContractBody[]>;
  /** Brings the dead letters back. */
  redrive(): Promise<void>;
}

interface ContractTopic {
  publish(messages: readonly OutgoingMessage<ContractBody>[]): Promise<void>;
  subscribe(terms: ContractQueueTerms, policy?: FilterPolicy): Promise<ContractQueue>;
}

export interface QueueFixture {
  createTopic(terms: { fifo: boolean }): Promise<ContractTopic>;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Lets `ms` pass; what was due until then has been delivered, and what its handlers could do at once is done. */
  advance(ms: number): Promise<void>;
  end(): Promise<void>;
}

const second = 1_000;
const visibilityMs = 30 * second;

/**
 * What topics and queues do together. An engine may deliver a message twice at any time, but then it can not be
 * told apart from one that is broken: the fixture's engine delivers once where nothing goes wrong.
 */
export function queueContract(name: string, createFixture: () => Promise<QueueFixture>): void {
  for (const fifo of [false, true]) {
    const kind = fifo ? 'FIFO' : 'standard';
    const contract = (says: string, run: (world: World) => Promise<void>): void => {
      test(`${name}, ${kind}: ${says}`, async () => {
        const fixture = await createFixture();
        try {
          await run(await worldOf(fixture, fifo));
        } finally {
          await fixture.end();
        }
      });
    };
    both(contract);
    if (fifo) fifoOnly(contract);
    else standardOnly(contract);
  }
}

type Contract = (says: string, run: (world: World) => Promise<void>) => void;

function both(contract: Contract): void {
  contract('a lone message is handled without a wait, once', async ({ topic, subscribe, advance }) => {
    const seen = record(await subscribe());
    await topic.publish([message(1)]);
    await advance(0);
    assert.deepEqual(seen.numbers(), [1]);
    assert.equal(seen.messages[0]?.receiveCount, 1);
    await advance(10 * visibilityMs);
    assert.deepEqual(seen.numbers(), [1]);
  });

  contract('what was published before the handler came is handled', async ({ topic, subscribe, advance }) => {
    const queue = await subscribe();
    await topic.publish([message(1), message(2)]);
    await advance(second);
    const seen = record(queue);
    await advance(0);
    assert.deepEqual(seen.numbers(), [1, 2]);
  });

  contract('every message arrives, in batches of the allowed size', async ({ topic, subscribe, advance }) => {
    const seen = record(await subscribe({ batchSizeMax: 4 }));
    for (let n = 0; n < 50; n += 10) {
      await topic.publish(Array.from({ length: 10 }, (_, i) => message(n + i)));
    }
    await advance(0);
    assert.deepEqual(
      sorted(seen.numbers()),
      Array.from({ length: 50 }, (_, i) => i),
    );
    assert.ok(seen.batches.every((batch) => batch.length >= 1 && batch.length <= 4));
    assert.equal(new Set(seen.messages.map(({ id }) => id)).size, 50);
  });

  contract('what waits when a slot is free is handled together', async ({ topic, subscribe, advance }) => {
    const gate = createGate();
    const batches: number[][] = [];
    const queue = await subscribe({ concurrency: 1, batchSizeMax: 10 });
    queue.consume(async (batch) => {
      batches.push(batch.map(({ body }) => body.n));
      await gate.open;
      return [];
    });
    await topic.publish([message(0)]);
    await advance(0);
    for (let n = 1; n <= 8; n += 1) await topic.publish([message(n)]);
    await advance(0);
    gate.release();
    await advance(0);
    assert.deepEqual(batches, [[0], [1, 2, 3, 4, 5, 6, 7, 8]]);
  });

  contract('a queue without a policy gets everything', async ({ topic, subscribe, advance }) => {
    const one = record(await subscribe());
    const other = record(await subscribe());
    await topic.publish([message(1), message(2, { attributes: { host: 'ec2' } })]);
    await advance(0);
    assert.deepEqual(one.numbers(), [1, 2]);
    assert.deepEqual(other.numbers(), [1, 2]);
  });

  contract(
    'a policy lets through what has each of its attributes, exactly',
    async ({ topic, subscribe, advance }) => {
      const linux = record(await subscribe({}, { host: ['ec2', 'eks'], os: ['linux'] }));
      const launches = record(await subscribe({}, { action: ['launch'] }));
      const attributes = [
        { host: 'ec2', os: 'linux', action: 'launch' },
        { host: 'eks', os: 'linux', action: 'terminate' },
        { host: 'ec2', os: 'windows', action: 'launch' },
        { host: 'ec2' },
        { host: 'EC2', os: 'linux' },
        { host: 'ec2x', os: 'linux' },
        {},
      ];
      await topic.publish(attributes.map((own, n) => message(n, { attributes: own })));
      await topic.publish([{ body: { n: 99 }, ...(topic.fifo ? { group: 'g' } : {}) }]);
      await advance(0);
      assert.deepEqual(linux.numbers(), [0, 1]);
      assert.deepEqual(launches.numbers(), [0, 2]);
    },
  );

  contract('no consumer can change what another sees', async ({ topic, subscribe, advance }) => {
    const spoil: BatchHandler<ContractBody> = async (batch) => {
      for (const { body } of batch) {
        body.n = -1;
        body.tags?.push('spoilt');
      }
      return [];
    };
    (await subscribe({ receivesMax: 1 })).consume(spoil);
    const seen = record(await subscribe());
    (await subscribe({ receivesMax: 1 })).consume(spoil);
    await topic.publish([message(1, {}, ['a'])]);
    await advance(0);
    assert.deepEqual(
      seen.messages.map(({ body }) => body),
      [{ n: 1, tags: ['a'] }],
    );
  });

  contract('a retry comes back after its delay, not before', async ({ topic, subscribe, advance, now }) => {
    const queue = await subscribe();
    const received: { at: number; receiveCount: number }[] = [];
    const start = now();
    queue.consume(async (batch) =>
      batch.flatMap(({ id, receiveCount }) => {
        received.push({ at: now() - start, receiveCount });
        return receiveCount < 3 ? [{ id, outcome: 'retry', delayMs: 7 * second * receiveCount }] : [];
      }),
    );
    await topic.publish([message(1)]);
    await advance(60 * second);
    assert.deepEqual(
      received.map(({ receiveCount }) => receiveCount),
      [1, 2, 3],
    );
    assert.ok((received[1]?.at ?? 0) >= 7 * second);
    assert.ok((received[2]?.at ?? 0) >= 21 * second);
  });

  contract(
    'of a batch only what is to be retried comes back',
    async ({ topic, subscribe, advance, batchOf }) => {
      const queue = await subscribe();
      const batches: number[][] = [];
      queue.consume(async (batch) => {
        batches.push(batch.map(({ body }) => body.n));
        return batch.map(({ id, body, receiveCount }) =>
          body.n % 2 === 0 && receiveCount === 1
            ? { id, outcome: 'retry', delayMs: second }
            : { id, outcome: 'done' },
        );
      });
      await topic.publish(batchOf(4));
      await advance(visibilityMs * 4);
      assert.deepEqual(batches, [
        [0, 1, 2, 3],
        [0, 2],
      ]);
    },
  );

  contract(
    'a batch whose handler throws comes back whole after the visibility time',
    async ({ topic, subscribe, advance, batchOf }) => {
      const seen = record(await subscribe(), (_, call) => {
        if (call === 1) throw new Error('handler breaks');
      });
      await topic.publish(batchOf(3));
      await advance(visibilityMs - second);
      assert.deepEqual(seen.batches, [[0, 1, 2]]);
      await advance(2 * second);
      assert.deepEqual(seen.batches, [
        [0, 1, 2],
        [0, 1, 2],
      ]);
      assert.deepEqual(
        seen.messages.slice(3).map(({ receiveCount }) => receiveCount),
        [2, 2, 2],
      );
      await advance(10 * visibilityMs);
      assert.equal(seen.batches.length, 2);
    },
  );

  contract(
    'the visibility time counts from the receive, not from the throw',
    async ({ topic, subscribe, advance, now, sleep }) => {
      const start = now();
      const receivedAt: number[] = [];
      (await subscribe()).consume(async () => {
        receivedAt.push(now() - start);
        if (receivedAt.length > 1) return [];
        await sleep(20 * second);
        throw new Error('handler breaks');
      });
      await topic.publish([message(1)]);
      await advance(visibilityMs + second);
      assert.equal(receivedAt.length, 2);
      assert.ok((receivedAt[1] ?? 0) >= visibilityMs);
    },
  );

  contract(
    'each batch has its own visibility time, and a late answer frees no other',
    async ({ topic, subscribe, advance, sleep }) => {
      const queue = await subscribe({ concurrency: 2, batchSizeMax: 1 });
      const began: string[] = [];
      let atWork = 0;
      let atWorkMost = 0;
      queue.consume(async ([first]) => {
        began.push(`${first?.body.n}, receive ${first?.receiveCount}`);
        if (first?.receiveCount === 1 && first.body.n === 0) await sleep(visibilityMs + 5 * second);
        else {
          atWork += 1;
          atWorkMost = Math.max(atWorkMost, atWork);
          await sleep(25 * second);
          atWork -= 1;
        }
        return [];
      });
      for (const n of [0, 1, 2, 3, 4]) {
        await topic.publish([message(n, { group: `g${n}` })]);
        await advance(second);
      }
      await advance(visibilityMs * 5);
      assert.deepEqual(began.toSorted(), [
        '0, receive 1',
        '0, receive 2',
        '1, receive 1',
        '2, receive 1',
        '3, receive 1',
        '4, receive 1',
      ]);
      assert.equal(atWorkMost, 2);
    },
  );

  contract(
    'a message received too often is a dead letter, and comes no more',
    async ({ topic, subscribe, advance }) => {
      const queue = await subscribe({ receivesMax: 3 });
      const seen = record(queue, () => {
        throw new Error('handler breaks');
      });
      await topic.publish([message(7)]);
      await advance(10 * visibilityMs);
      assert.deepEqual(seen.numbers(), [7, 7, 7]);
      assert.deepEqual(await queue.deadLetters(), [{ n: 7 }]);
    },
  );

  contract('a retry counts as a receive', async ({ topic, subscribe, advance }) => {
    const queue = await subscribe({ receivesMax: 4 });
    let calls = 0;
    queue.consume(async (batch) => {
      calls += 1;
      return batch.map(({ id }) => ({ id, outcome: 'retry', delayMs: 0 }));
    });
    await topic.publish([message(1)]);
    await advance(visibilityMs);
    assert.equal(calls, 4);
    assert.deepEqual(await queue.deadLetters(), [{ n: 1 }]);
  });

  contract('dead letters can be brought back', async ({ topic, subscribe, advance }) => {
    const queue = await subscribe({ receivesMax: 1 });
    let isBroken = true;
    const seen = record(queue, () => {
      if (isBroken) throw new Error('handler breaks');
    });
    await topic.publish([message(1), message(2)]);
    await advance(2 * visibilityMs);
    assert.deepEqual(sorted((await queue.deadLetters()).map(({ n }) => n)), [1, 2]);
    isBroken = false;
    await queue.redrive();
    await advance(second);
    assert.deepEqual(seen.numbers(), [1, 2, 1, 2]);
    assert.equal(seen.messages[3]?.receiveCount, 1);
    assert.deepEqual(await queue.deadLetters(), []);
  });

  contract('never more handlers are at work than the concurrency', async ({ topic, subscribe, advance }) => {
    const gate = createGate();
    const queue = await subscribe({ concurrency: 3, batchSizeMax: 2 });
    let atWork = 0;
    let atWorkMost = 0;
    let handled = 0;
    queue.consume(async (batch) => {
      atWork += 1;
      atWorkMost = Math.max(atWorkMost, atWork);
      await gate.open;
      atWork -= 1;
      handled += batch.length;
      return [];
    });
    // A group of its own for each, so that groups do not bound it.
    for (let n = 0; n < 20; n += 1) await topic.publish([message(n, { group: `g${n}` })]);
    await advance(0);
    assert.equal(atWork, 3);
    gate.release();
    await advance(0);
    assert.equal(atWorkMost, 3);
    assert.equal(handled, 20);
  });

  contract(
    'a handler that outlives the visibility time does not keep its messages',
    async ({ topic, subscribe, advance }) => {
      const gate = createGate();
      const queue = await subscribe({ concurrency: 1 });
      const receiveCounts: number[] = [];
      queue.consume(async (batch) => {
        receiveCounts.push(...batch.map(({ receiveCount }) => receiveCount));
        if (receiveCounts.length === 1) await gate.open;
        return [];
      });
      await topic.publish([message(1)]);
      await advance(visibilityMs + second);
      assert.deepEqual(receiveCounts, [1, 2]);
      gate.release();
      await advance(10 * visibilityMs);
      assert.deepEqual(receiveCounts, [1, 2]);
    },
  );

  contract(
    'a body changed after it was published arrives as it was',
    async ({ topic, subscribe, advance }) => {
      const seen = record(await subscribe());
      const outgoing = message(1, {}, ['a']);
      await topic.publish([outgoing]);
      try {
        outgoing.body.tags?.push('late');
      } catch {
        // An engine may forbid it instead.
      }
      await advance(0);
      assert.deepEqual(seen.messages[0]?.body, { n: 1, tags: ['a'] });
    },
  );
}

function standardOnly(contract: Contract): void {
  contract('a delayed message is not delivered before its time', async ({ subscribe, advance, now }) => {
    const queue = await subscribe();
    const start = now();
    const arrivedAt = new Map<number, number>();
    record(queue, (batch) => {
      for (const { body } of batch) arrivedAt.set(body.n, now() - start);
    });
    await queue.publish([
      message(10, { delayMs: 10 * second }),
      message(0),
      message(5, { delayMs: 5 * second }),
    ]);
    await advance(4 * second);
    assert.deepEqual([...arrivedAt.keys()], [0]);
    await advance(10 * second);
    assert.deepEqual([...arrivedAt.keys()], [0, 5, 10]);
    assert.ok((arrivedAt.get(5) ?? 0) >= 5 * second);
    assert.ok((arrivedAt.get(10) ?? 0) >= 10 * second);
  });

  for (const delayMs of [900_001, -1, Number.NaN]) {
    contract(`a delay of ${delayMs} ms is refused, and nothing is sent`, async ({ subscribe, advance }) => {
      const queue = await subscribe();
      const seen = record(queue);
      await assert.rejects(queue.publish([message(1), message(2, { delayMs })]));
      await advance(second);
      assert.deepEqual(seen.numbers(), []);
    });
  }

  contract('a deduplication id swallows nothing', async ({ subscribe, advance }) => {
    const queue = await subscribe();
    const seen = record(queue);
    await queue.publish([1, 2].map((n) => message(n, { deduplicationId: 'x' })));
    await advance(second);
    assert.deepEqual(sorted(seen.numbers()), [1, 2]);
  });

  contract('a message that fails does not hold back the others', async ({ topic, subscribe, advance }) => {
    const seen = record(await subscribe({ batchSizeMax: 1, receivesMax: 10 }), (batch) => {
      if (batch[0]?.body.n === 0) throw new Error('handler breaks');
    });
    await topic.publish([message(0), message(1), message(2)]);
    await advance(second);
    assert.deepEqual(sorted(seen.numbers()), [0, 1, 2]);
  });
}

function fifoOnly(contract: Contract): void {
  contract(
    'a group is handled in order, one batch at a time',
    async ({ topic, subscribe, advance, sleep }) => {
      const queue = await subscribe({ concurrency: 5, batchSizeMax: 3 });
      const seen: string[] = [];
      const atWork = new Map<string, number>();
      queue.consume(async (batch) => {
        const groups = new Set(batch.map(({ body }) => body.tags?.[0] ?? ''));
        for (const group of groups) {
          atWork.set(group, (atWork.get(group) ?? 0) + 1);
          assert.equal(atWork.get(group), 1);
        }
        await sleep(second);
        for (const group of groups) atWork.set(group, (atWork.get(group) ?? 0) - 1);
        seen.push(...batch.map(({ body }) => `${body.tags?.[0]}${body.n}`));
        return [];
      });
      for (let n = 0; n < 10; n += 1) {
        await topic.publish(['a', 'b', 'c'].map((group) => message(n, { group }, [group])));
      }
      await advance(20 * second);
      for (const group of ['a', 'b', 'c']) {
        const own = seen.filter((entry) => entry.startsWith(group));
        assert.deepEqual(
          own,
          Array.from({ length: 10 }, (_, n) => `${group}${n}`),
        );
      }
    },
  );

  contract('a group that is at work does not hold back another', async ({ topic, subscribe, advance }) => {
    const gate = createGate();
    const queue = await subscribe({ concurrency: 2 });
    const handled: number[] = [];
    queue.consume(async (batch) => {
      if (batch[0]?.body.n === 0) await gate.open;
      handled.push(...batch.map(({ body }) => body.n));
      return [];
    });
    await topic.publish([message(0, { group: 'slow' })]);
    await advance(0);
    await topic.publish([message(1, { group: 'slow' }), message(2, { group: 'quick' })]);
    await advance(0);
    assert.deepEqual(handled, [2]);
    gate.release();
    await advance(0);
    assert.deepEqual(handled, [2, 0, 1]);
  });

  contract(
    'a poison message blocks its group until it is a dead letter, then the order goes on',
    async ({ topic, subscribe, advance }) => {
      const queue = await subscribe({ receivesMax: 3, batchSizeMax: 1, concurrency: 2 });
      const seen = record(queue, (batch) => {
        if (batch[0]?.body.n === 0) throw new Error('handler breaks');
      });
      await topic.publish([0, 1, 2].map((n) => message(n, { group: 'bad' })));
      await topic.publish([message(9, { group: 'good' })]);
      await advance(2 * visibilityMs + second);
      assert.deepEqual(sorted(seen.numbers()), [0, 0, 0, 9]);
      await advance(visibilityMs);
      assert.deepEqual(
        seen.numbers().filter((n) => n !== 9),
        [0, 0, 0, 1, 2],
      );
      assert.deepEqual(await queue.deadLetters(), [{ n: 0 }]);
    },
  );

  contract(
    'a late answer does not free its group for a second batch',
    async ({ topic, subscribe, advance, sleep }) => {
      const queue = await subscribe({ concurrency: 4, batchSizeMax: 1 });
      const events: string[] = [];
      queue.consume(async ([first]) => {
        const name = `${first?.body.n}/${first?.receiveCount}`;
        events.push(`${name} begins`);
        await sleep(name === '0/1' ? visibilityMs + second : 10 * second);
        events.push(`${name} ends`);
        return [];
      });
      await topic.publish([message(0), message(1)]);
      await advance(visibilityMs * 3);
      assert.deepEqual(events, [
        '0/1 begins',
        '0/2 begins',
        '0/1 ends',
        '0/2 ends',
        '1/1 begins',
        '1/1 ends',
      ]);
    },
  );

  contract('a retry keeps its place in the group', async ({ topic, subscribe, advance }) => {
    const queue = await subscribe({ batchSizeMax: 2 });
    const batches: number[][] = [];
    queue.consume(async (batch) => {
      batches.push(batch.map(({ body }) => body.n));
      return batches.length === 1
        ? batch.map(({ id }) => ({ id, outcome: 'retry', delayMs: 3 * second }))
        : [];
    });
    await topic.publish([0, 1, 2, 3].map((n) => message(n)));
    await advance(2 * second);
    assert.deepEqual(batches, [[0, 1]]);
    await advance(2 * second);
    assert.deepEqual(batches, [
      [0, 1],
      [0, 1],
      [2, 3],
    ]);
  });

  contract(
    'a deduplication id swallows what comes within five minutes, handled or not',
    async ({ topic, subscribe, advance }) => {
      const seen = record(await subscribe());
      await topic.publish([message(1, { deduplicationId: 'x' }), message(2, { deduplicationId: 'x' })]);
      await advance(200 * second);
      await topic.publish([message(3, { deduplicationId: 'x' }), message(4, { deduplicationId: 'y' })]);
      await topic.publish([message(5, { deduplicationId: 'x', group: 'other' })]);
      await advance(101 * second);
      assert.deepEqual(seen.numbers(), [1, 4]);
      await topic.publish([message(6, { deduplicationId: 'x' }), message(7, { deduplicationId: 'y' })]);
      await advance(0);
      assert.deepEqual(seen.numbers(), [1, 4, 6]);
    },
  );

  contract('messages without a deduplication id all arrive', async ({ topic, subscribe, advance }) => {
    const seen = record(await subscribe());
    await topic.publish([message(1), message(1)]);
    await topic.publish([message(1)]);
    await advance(0);
    assert.deepEqual(seen.numbers(), [1, 1, 1]);
  });

  contract(
    'a message without a group, or with a delay, is refused',
    async ({ topic, subscribe, advance }) => {
      const seen = record(await subscribe());
      await assert.rejects(topic.publish([{ body: { n: 1 } }]));
      await assert.rejects(topic.publish([message(1, { delayMs: 5 })]));
      await advance(second);
      assert.deepEqual(seen.numbers(), []);
    },
  );
}

// ---- The world of one test

interface World {
  topic: { publish: ContractTopic['publish']; fifo: boolean };
  subscribe(terms?: Partial<ContractQueueTerms>, policy?: FilterPolicy): Promise<ContractQueue>;
  advance(ms: number): Promise<void>;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** `n` messages that one call of a handler gets together. */
  batchOf(n: number): OutgoingMessage<ContractBody>[];
}

async function worldOf(fixture: QueueFixture, fifo: boolean): Promise<World> {
  const topic = await fixture.createTopic({ fifo });
  const forKind = (messages: readonly OutgoingMessage<ContractBody>[]): OutgoingMessage<ContractBody>[] =>
    messages.map((own) => (fifo ? own : withoutGroup(own)));
  return {
    topic: { fifo, publish: (messages) => topic.publish(forKind(messages)) },
    subscribe: async (terms, policy) => {
      const queue = await topic.subscribe(
        { fifo, visibilityMs, receivesMax: 5, batchSizeMax: 10, concurrency: 4, ...terms },
        policy,
      );
      return { ...queue, publish: (messages) => queue.publish(forKind(messages)) };
    },
    advance: fixture.advance,
    now: fixture.now,
    sleep: fixture.sleep,
    batchOf: (n) => Array.from({ length: n }, (_, i) => message(i)),
  };
}

function withoutGroup({ group: _, ...rest }: OutgoingMessage<ContractBody>): OutgoingMessage<ContractBody> {
  return rest;
}

function message(
  n: number,
  options: Omit<OutgoingMessage<ContractBody>, 'body'> = {},
  tags?: string[],
): OutgoingMessage<ContractBody> {
  // One group unless the test names another: what must hold in any order holds in one group too.
  return { group: 'g', ...options, body: tags ? { n, tags } : { n } };
}

interface Record {
  batches: number[][];
  messages: ReceivedMessage<ContractBody>[];
  numbers(): number[];
}

/** Consumes and notes all; `act` may throw. */
function record(
  queue: ContractQueue,
  act: (batch: readonly ReceivedMessage<ContractBody>[], call: number) => void = () => {},
): Record {
  const batches: number[][] = [];
  const messages: ReceivedMessage<ContractBody>[] = [];
  queue.consume(async (batch) => {
    batches.push(batch.map(({ body }) => body.n));
    messages.push(...batch);
    act(batch, batches.length);
    return [];
  });
  return { batches, messages, numbers: () => messages.map(({ body }) => body.n) };
}

function createGate(): { open: Promise<void>; release: () => void } {
  let release = (): void => {};
  const open = new Promise<void>((resolve) => {
    release = resolve;
  });
  return { open, release: () => release() };
}

function sorted(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
