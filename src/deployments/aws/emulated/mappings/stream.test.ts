import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createVirtualClock } from '../../../../adapters/clock/virtual/index.ts';
import { parsePattern } from './filter.ts';
import { createStreamLines, type FailureNote, type StreamMapping, type StreamRecord } from './stream.ts';

const startMs = 1_800_000_000_000;

const mappingOfTests: StreamMapping = {
  batchSizeMax: 4,
  windowMs: 0,
  lines: 1,
  retriesMax: 2,
  recordAgeMsMax: 60_000,
  bisects: false,
  reportsFailures: true,
  filters: [],
};

function record(sequence: number, key = 'one', ageMs = 0, image: Record<string, unknown> = {}): StreamRecord {
  return {
    dynamodb: {
      SequenceNumber: String(sequence),
      Keys: { pk: { S: key }, sk: { S: 'J' } },
      ApproximateCreationDateTime: (startMs - ageMs) / 1_000,
      ...{ NewImage: image },
    },
  };
}

type TinyFunction = (sequences: readonly string[]) => unknown;

/** Runs records through a tiny function, on virtual time, and tells what it was given and what was given up. */
async function run(
  change: Partial<StreamMapping>,
  records: readonly StreamRecord[],
  tiny: TinyFunction,
): Promise<{ batches: string[][]; notes: FailureNote[]; elapsedMs: number }> {
  const clock = createVirtualClock(startMs);
  const batches: string[][] = [];
  const notes: FailureNote[] = [];
  const lines = createStreamLines({
    mapping: { ...mappingOfTests, ...change },
    async invoke({ Records }) {
      const sequences = Records.map(({ dynamodb }) => dynamodb.SequenceNumber);
      batches.push(sequences);
      return tiny(sequences);
    },
    async giveUp(note) {
      notes.push(note);
    },
    clock,
    onError: () => {},
  });
  const taken = lines.take(records);
  await clock.run();
  await taken;
  assert.equal(lines.left(), 0);
  return { batches, notes, elapsedMs: clock.now() - startMs };
}

function failing(bad: string): TinyFunction {
  return (sequences) => {
    if (sequences.includes(bad)) throw new Error('no');
  };
}

function naming(...bad: string[]): TinyFunction {
  return (sequences) => ({
    batchItemFailures: sequences
      .filter((one) => bad.includes(one))
      .map((itemIdentifier) => ({ itemIdentifier })),
  });
}

const sequencesOf = ({ records }: FailureNote) => records.map(({ dynamodb }) => dynamodb.SequenceNumber);

describe('A stream run as a mapping of Lambda runs it', () => {
  it('gives batches of the size that is set, in order', async () => {
    const { batches } = await run(
      {},
      [1, 2, 3, 4, 5, 6].map((n) => record(n)),
      () => null,
    );
    assert.deepEqual(batches, [
      ['1', '2', '3', '4'],
      ['5', '6'],
    ]);
  });

  it('gathers what comes within its window, unless a batch is full before', async () => {
    const few = await run(
      { windowMs: 2_000 },
      [1, 2].map((n) => record(n)),
      () => null,
    );
    assert.deepEqual(few.batches, [['1', '2']]);
    assert.equal(few.elapsedMs, 2_000);
    const full = await run(
      { windowMs: 2_000 },
      [1, 2, 3, 4].map((n) => record(n)),
      () => null,
    );
    assert.deepEqual([full.batches.length, full.elapsedMs], [1, 0]);
  });

  it('keeps what no filter lets pass from costing a call', async () => {
    const filters = [parsePattern('{"dynamodb":{"NewImage":{"dirty":{"S":[{"exists":true}]}}}}')];
    const records = [record(1), record(2, 'one', 0, { dirty: { S: 'host#0' } }), record(3)];
    const { batches } = await run({ filters }, records, () => null);
    assert.deepEqual(batches, [['2']]);
  });

  it('tries a batch that fails again, as often as is set, then gives it up and goes on', async () => {
    const { batches, notes } = await run(
      {},
      [1, 2, 3, 4, 5].map((n) => record(n)),
      failing('2'),
    );
    assert.deepEqual(batches, [...Array(3).fill(['1', '2', '3', '4']), ['5']]);
    assert.deepEqual(
      notes.map(({ condition, invocations }) => ({ condition, invocations })),
      [{ condition: 'RetryAttemptsExhausted', invocations: 3 }],
    );
    assert.deepEqual(notes.map(sequencesOf), [['1', '2', '3', '4']]);
  });

  it('waits longer before each further try', async () => {
    const { elapsedMs } = await run({ retriesMax: 4 }, [record(1)], failing('1'));
    assert.equal(elapsedMs, 200 + 400 + 800);
  });

  it('halves a batch that fails, which uses up no try, until the bad record stands alone', async () => {
    const { batches, notes } = await run(
      { bisects: true },
      [1, 2, 3, 4].map((n) => record(n)),
      failing('3'),
    );
    assert.deepEqual(batches, [['1', '2', '3', '4'], ['1', '2'], ['3', '4'], ...Array(3).fill(['3']), ['4']]);
    assert.deepEqual(notes.map(sequencesOf), [['3']]);
  });

  it('goes on from the lowest record that the answer names, the ones before it being done', async () => {
    let calls = 0;
    const once: TinyFunction = (sequences) => {
      calls += 1;
      return calls === 1 ? naming('3', '2')(sequences) : null;
    };
    const { batches, notes } = await run(
      {},
      [1, 2, 3, 4].map((n) => record(n)),
      once,
    );
    assert.deepEqual(batches, [
      ['1', '2', '3', '4'],
      ['2', '3', '4'],
    ]);
    assert.deepEqual(notes, []);
  });

  it('tries all again where the answer names a record that is not in the batch, or is no answer', async () => {
    for (const answer of [{ batchItemFailures: [{ itemIdentifier: '99' }] }, { batchItemFailures: 'all' }]) {
      let calls = 0;
      const once: TinyFunction = () => {
        calls += 1;
        return calls === 1 ? answer : null;
      };
      const { batches } = await run({}, [record(1), record(2)], once);
      assert.deepEqual(batches, Array(2).fill(['1', '2']));
    }
  });

  it('does not read the answer where the mapping does not ask for failures', async () => {
    const { batches } = await run({ reportsFailures: false }, [record(1)], naming('1'));
    assert.deepEqual(batches, [['1']]);
  });

  it('gives up what is too old without a call', async () => {
    const { batches, notes } = await run({}, [record(1, 'one', 60_001), record(2)], () => null);
    assert.deepEqual(batches, [['2']]);
    assert.deepEqual(
      notes.map((note) => [note.condition, sequencesOf(note)]),
      [['RecordAgeExceeded', ['1']]],
    );
  });

  it('gives up by age what fails until then, however many tries are left', async () => {
    const { notes, elapsedMs } = await run(
      { retriesMax: Number.POSITIVE_INFINITY, recordAgeMsMax: 5_000 },
      [record(1)],
      failing('1'),
    );
    assert.deepEqual(
      notes.map(({ condition }) => condition),
      ['RecordAgeExceeded'],
    );
    assert.ok(elapsedMs > 5_000 && elapsedMs < 15_000, `${elapsedMs} ms`);
  });

  it('holds up none but its own line with a record that fails, and keeps the order of each item', async () => {
    const records = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => record(n, n % 2 === 0 ? 'even' : 'odd'));
    const { batches, notes } = await run(
      { lines: 16, batchSizeMax: 1, retriesMax: 1 },
      records,
      failing('1'),
    );
    assert.deepEqual(notes.map(sequencesOf), [['1']]);
    const order = batches.map(([sequence]) => sequence);
    const last = order.lastIndexOf('1');
    assert.ok(order.indexOf('2') < last, `the even ones go on beside it: ${order.join(' ')}`);
    for (const parity of [0, 1]) {
      const own = order.map(Number).filter((n) => n % 2 === parity);
      assert.deepEqual(
        own,
        own.toSorted((a, b) => a - b),
      );
    }
  });

  it('leaves at a stop what it was waiting to try again', async () => {
    const clock = createVirtualClock(startMs);
    const lines = createStreamLines({
      mapping: mappingOfTests,
      invoke: async () => Promise.reject(new Error('no')),
      giveUp: async () => assert.fail('nothing is given up by a stop'),
      clock,
      onError: () => {},
    });
    const taken = lines.take([record(1)]);
    await clock.run(startMs + 1);
    await taken;
    await lines.stop();
    assert.equal(clock.pending(), 0);
  });
});
