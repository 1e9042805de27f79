// What DynamoDB does and no emulator shows: throttling, transactions that meet, answers that are lost, batches that are
// answered in part. The answers are scripted, as DynamoDB gives them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Job } from '../../../core/job.ts';
import type { Runner } from '../../../core/runner.ts';
import { deadlinesOfContract } from '../../../ports/jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aLedger,
  aRunner,
  aRunnerName,
  hostA,
  lint,
  seen,
  startMs,
} from '../../../ports/testing.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createDynamoDbClient, createDynamoDbJobsTable } from './index.ts';
import { unpack } from './pack.ts';
import { createRows, ledgerBytesMax } from './rows.ts';
import { emulatorConfig } from './testing.ts';
import { createWire, partOf, type WireAnswer, type WireCall } from './testing-wire.ts';

const ok: WireAnswer = { body: {} };
const throttled: WireAnswer = { error: 'ProvisionedThroughputExceededException' };
const deadlines = deadlinesOfContract;

/** A table whose requests are answered by these, in order; one too many is a failure of the test. */
function tableThatAnswers(...answers: (WireAnswer | ((call: WireCall) => WireAnswer))[]) {
  // Nothing listens there: what the script does not answer fails.
  const config = emulatorConfig('http://127.0.0.1:9');
  const wire = createWire(config, (call, calls) => {
    const answer = answers[calls.length - 1];
    assert.ok(answer !== undefined, `request ${calls.length}, ${call.operation}, was not expected`);
    return typeof answer === 'function' ? answer(call) : answer;
  });
  const table = createDynamoDbJobsTable({
    client: createDynamoDbClient({ ...config, ...wire.config }),
    tableName: 'runs',
    clock: { ...createVirtualClock(startMs), sleep: async () => {} },
    random: createSeededRandom('faults'),
    deadlines,
    keepMs: 0,
  });
  return { table, calls: wire.calls, isDone: () => assert.equal(wire.calls.length, answers.length) };
}

/** A stored item as the wire has it. */
function stored(item: Job | Runner, wrote = 'another'): { Item: object } {
  const rows = createRows({ deadlines, keepMs: 0 });
  const row = 'key' in item ? rows.ofJob(item) : rows.ofRunner(item);
  const packed =
    typeof row.item === 'string' ? { S: row.item } : { B: Buffer.from(row.item).toString('base64') };
  return {
    Item: {
      pk: { S: row.pk },
      sk: { S: row.sk },
      item: packed,
      version: { N: String(row.version) },
      wrote: { S: wrote },
    },
  };
}

const failedOn = (item: object): WireAnswer => ({ error: 'ConditionalCheckFailedException', with: item });

function cancelled(...codes: string[]): WireAnswer {
  const reasons = codes.map((Code) => ({ Code, ...(Code !== 'None' && { Message: 'as it happens' }) }));
  return {
    error: 'TransactionCanceledException',
    with: { CancellationReasons: reasons, Message: 'Transaction cancelled' },
  };
}

const jobsOf = (...ids: number[]) => ids.map((id): Job => ({ ...aJob(id) }));
function aJob(id: number): Job {
  const fact = seen(id);
  assert.ok(fact.kind === 'seen');
  const { runnerHost: _, ...facts } = fact.sighting;
  const never = {
    confirmed: null,
    askedAt: null,
    counted: null,
    lastOrder: null,
    held: null,
    ask: null,
    rerun: null,
    dirty: null,
  };
  const times = { firstSeenAt: startMs, queuedSeenAt: startMs, startedSeenAt: null, completedSeenAt: null };
  return { ...facts, ...never, ...times, orders: 0, version: 1, timeline: [] };
}

test('a write that is throttled is sent again, and recorded once', async () => {
  const { table, calls, isDone } = tableThatAnswers(throttled, ok);
  const recorded = await table.recordJob(aJobKey(1), [seen(1)], startMs);
  assert.equal(recorded.outcome, 'recorded');
  assert.deepEqual(calls[0], calls[1]);
  isDone();
});

test('a fact whose answer was lost is recorded once: its write is known again', async () => {
  let first: WireCall | null = null;
  const { table, isDone } = tableThatAnswers(
    (call) => {
      first = call;
      return 'drop';
    },
    () => failedOn({ Item: partOf(first, 'Item') }),
  );
  const recorded = await table.recordJob(aJobKey(1), [seen(1)], startMs);
  assert.deepEqual([recorded.outcome, recorded.job?.version], ['recorded', 1]);
  isDone();
});

test('a mark whose answer was lost is taken for what it is, not for the mark of another handler', async () => {
  const leased = aRunner(1, { version: 3, lease: { owner: 'me', until: startMs + 9 } });
  let written: WireCall | null = null;
  const { table, isDone } = tableThatAnswers(
    { body: stored(leased) },
    (call) => {
      written = call;
      return 'drop';
    },
    () => failedOn({ Item: partOf(written, 'Item') }),
  );
  const recorded = await table.recordRunner(leased.name, [{ kind: 'mark', owner: 'me' }], startMs);
  assert.equal(recorded.outcome, 'recorded');
  assert.ok('runner' in recorded);
  assert.deepEqual([recorded.runner.state, recorded.runner.version], ['launching', 4]);
  isDone();
});

test('a fact that another writer preceded is merged into what that one wrote, without another read', async () => {
  const { table, calls, isDone } = tableThatAnswers(
    failedOn(stored({ ...aJob(1), phase: 'gated', version: 4 })),
    ok,
  );
  const recorded = await table.recordJob(aJobKey(1), [seen(1)], startMs);
  assert.deepEqual([recorded.outcome, recorded.job?.version], ['recorded', 5]);
  assert.deepEqual(partOf(calls[1], 'ExpressionAttributeValues'), { ':version': { N: '4' } });
  isDone();
});

test('a fact that meets a transaction is read, merged and written after it', async () => {
  const conflict: WireAnswer = { error: 'TransactionConflictException' };
  const { table, calls, isDone } = tableThatAnswers(
    { body: stored(aRunner(1, { version: 1 })) },
    conflict,
    { body: stored(aRunner(1, { version: 2 })) },
    ok,
  );
  const recorded = await table.recordRunner(aRunnerName(1), [{ kind: 'idleChecked' }], startMs);
  assert.equal(recorded.outcome, 'recorded');
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['GetItem', 'PutItem', 'GetItem', 'PutItem'],
  );
  isDone();
});

test('a fact that is added without a read is refused where its guard does not hold, and goes the ordinary way', async () => {
  const running = { ...aJob(1), phase: 'in_progress' as const, version: 3 };
  const { table, calls, isDone } = tableThatAnswers(failedOn(stored(running)), ok);
  const recorded = await table.recordJob(aJobKey(1), [seen(1, 'completed')], startMs);
  assert.deepEqual(
    [recorded.outcome, recorded.job?.phase, recorded.job?.version],
    ['recorded', 'completed', 4],
  );
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['UpdateItem', 'PutItem'],
  );
  isDone();
});

test('a fact that is added without a read is added once, though it is throttled and its answer is lost', async () => {
  let first: WireCall | null = null;
  const { table, calls, isDone } = tableThatAnswers(
    throttled,
    (call) => {
      first = call;
      return 'drop';
    },
    // What it finds when it is sent again: itself.
    () => {
      const late = partOf(first, 'ExpressionAttributeValues', ':late');
      const wrote = partOf(first, 'ExpressionAttributeValues', ':wrote') as { S: string };
      const { Item } = stored(aRunner(1, { version: 1 }), wrote.S);
      return failedOn({ Item: { ...Item, late, version: { N: '2' } } });
    },
  );
  const recorded = await table.recordRunner(aRunnerName(1), [{ kind: 'note', what: 'once' }], startMs);
  assert.ok(recorded.outcome === 'recorded');
  assert.equal(recorded.runner.version, 2);
  assert.equal(recorded.runner.timeline.filter(({ what }) => what === 'once').length, 1);
  assert.equal(new Set(calls.map(({ request }) => JSON.stringify(request))).size, 1);
  isDone();
});

test('a fact that is added without a read and meets a transaction is read, merged and written after it', async () => {
  const conflict: WireAnswer = { error: 'TransactionConflictException' };
  const { table, calls, isDone } = tableThatAnswers(
    conflict,
    { body: stored(aRunner(1, { version: 2 })) },
    ok,
  );
  const recorded = await table.recordRunner(aRunnerName(1), [{ kind: 'note', what: 'news' }], startMs);
  assert.equal(recorded.outcome, 'recorded');
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['UpdateItem', 'GetItem', 'PutItem'],
  );
  isDone();
});

const leaseAndMark = [
  { kind: 'lease', owner: 'me', until: startMs + 9 },
  { kind: 'mark', owner: 'me' },
] as const;

test('what is written together and meets another transaction is written by each alone', async () => {
  const batch = [1, 2].map((n) => stored(aRunner(n, { version: 1 })).Item);
  const { table, calls, isDone } = tableThatAnswers(
    { body: { Responses: { runs: batch } } },
    cancelled('TransactionConflict', 'None'),
    ok,
    ok,
  );
  const recorded = await Promise.all(
    [1, 2].map((n) => table.recordRunner(aRunnerName(n), leaseAndMark, startMs)),
  );
  assert.deepEqual(
    recorded.map(({ outcome }) => outcome),
    ['recorded', 'recorded'],
  );
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['BatchGetItem', 'TransactWriteItems', 'PutItem', 'PutItem'],
  );
  isDone();
});

test('of what is written together one is refused, which hears what it met; the others are written after it', async () => {
  const batch = [1, 2, 3].map((n) => stored(aRunner(n, { version: 1 })).Item);
  const taken = aRunner(2, { version: 2, lease: { owner: 'another', until: startMs + 9 } });
  const { table, calls, isDone } = tableThatAnswers(
    { body: { Responses: { runs: batch } } },
    {
      error: 'TransactionCanceledException',
      with: {
        Message: 'Transaction cancelled',
        CancellationReasons: [
          { Code: 'None' },
          { Code: 'ConditionalCheckFailed', Message: 'as it happens', ...stored(taken) },
          { Code: 'None' },
        ],
      },
    },
    ok,
  );
  const recorded = await Promise.all(
    [1, 2, 3].map((n) => table.recordRunner(aRunnerName(n), leaseAndMark, startMs)),
  );
  assert.deepEqual(
    recorded.map(({ outcome }) => outcome),
    ['recorded', 'refused', 'recorded'],
  );
  assert.deepEqual(
    calls.map(({ operation }) => operation),
    ['BatchGetItem', 'TransactWriteItems', 'TransactWriteItems'],
  );
  isDone();
});

test('what is written together is the same transaction when it is sent again', async () => {
  const batch = [1, 2].map((n) => stored(aRunner(n, { version: 1 })).Item);
  const { table, calls, isDone } = tableThatAnswers({ body: { Responses: { runs: batch } } }, 'drop', ok);
  await Promise.all([1, 2].map((n) => table.recordRunner(aRunnerName(n), leaseAndMark, startMs)));
  assert.deepEqual(calls[1], calls[2]);
  assert.match(String(partOf(calls[1], 'ClientRequestToken')), /^\S{1,36}$/);
  isDone();
});

test('a commit whose answer was lost is the same transaction when it is sent again', async () => {
  const { table, calls, isDone } = tableThatAnswers('drop', ok);
  assert.deepEqual(await table.commit(aCommit(0, { runnersNew: [aRunner(1)] })), { outcome: 'committed' });
  assert.deepEqual(calls[0], calls[1]);
  assert.match(String(partOf(calls[0], 'ClientRequestToken')), /^\S{1,36}$/);
  isDone();
});

test('a commit that is still at work when it is sent again is waited for', async () => {
  const { table, calls, isDone } = tableThatAnswers({ error: 'TransactionInProgressException' }, ok);
  assert.deepEqual(await table.commit(aCommit(0)), { outcome: 'committed' });
  assert.equal(partOf(calls[0], 'ClientRequestToken'), partOf(calls[1], 'ClientRequestToken'));
  isDone();
});

test('a commit names whom the conditions speak of, whatever else hindered it', async () => {
  const commit = aCommit(3, { jobs: jobsOf(1, 2), runnersNew: [aRunner(1)] });
  const failed = 'ConditionalCheckFailed';
  const conflict = 'TransactionConflict';
  const answers = [
    [[failed, failed, 'None', 'None'], { outcome: 'lost' }],
    [[conflict, failed, 'None', 'None'], { outcome: 'conflict', items: [{ kind: 'job', key: aJobKey(1) }] }],
    [
      ['None', 'None', failed, failed],
      {
        outcome: 'conflict',
        items: [
          { kind: 'job', key: aJobKey(2) },
          { kind: 'runner', name: aRunnerName(1) },
        ],
      },
    ],
    [['None', conflict, 'None', 'None'], { outcome: 'conflict', items: [] }],
    [[conflict, 'None', 'None', 'None'], { outcome: 'conflict', items: [] }],
    [['None', conflict, 'ThrottlingError', 'None'], { outcome: 'conflict', items: [] }],
  ] as const;
  for (const [codes, expected] of answers) {
    const { table, isDone } = tableThatAnswers(cancelled(...codes));
    assert.deepEqual(await table.commit(commit), expected, codes.join());
    isDone();
  }
});

test('a commit that is throttled is tried again, a few times', async () => {
  for (const code of ['ThrottlingError', 'ProvisionedThroughputExceeded']) {
    const again = tableThatAnswers(cancelled('None', code), ok);
    assert.deepEqual(await again.table.commit(aCommit(0, { runnersNew: [aRunner(1)] })), {
      outcome: 'committed',
    });
    again.isDone();
  }
  const never = tableThatAnswers(...Array.from({ length: 4 }, () => cancelled('ThrottlingError')));
  await assert.rejects(never.table.commit(aCommit(0)), { name: 'TransactionCanceledException' });
  never.isDone();
});

test('a commit that DynamoDB finds faulty is an error', async () => {
  const { table, isDone } = tableThatAnswers(cancelled('None', 'ValidationError'));
  await assert.rejects(table.commit(aCommit(0, { runnersNew: [aRunner(1)] })), {
    name: 'TransactionCanceledException',
  });
  isDone();
});

test('what a batch left undone is asked for again, and nothing else', async () => {
  const request = { items: [], pools: [], queueMax: 0, timedMax: 0 };
  const items = [1, 2, 3].map((id) => ({ kind: 'job', key: aJobKey(id) }) as const);
  const keyOf = (id: number) => ({ pk: { S: `J#${aJobKey(id)}` }, sk: { S: 'J' } });
  const found = (...ids: number[]) => ({
    Responses: { runs: jobsOf(...ids).map((job) => stored(job).Item) },
  });
  const { table, calls, isDone } = tableThatAnswers(
    { body: { ...found(3), UnprocessedKeys: { runs: { Keys: [keyOf(1), keyOf(2)] } } } },
    { body: { ...found(), UnprocessedKeys: { runs: { Keys: [keyOf(1), keyOf(2)] } } } },
    { body: found(2, 1) },
    // The lane of the jobs, which is not there.
    { body: { Responses: { runs: [] } } },
  );
  const books = await table.books(hostA, { ...request, items });
  assert.deepEqual(
    books.jobs.map(({ id }) => id),
    [1, 2, 3],
  );
  assert.deepEqual(partOf(calls[2], 'RequestItems', 'runs', 'Keys'), [keyOf(1), keyOf(2)]);
  assert.equal(partOf(calls[2], 'RequestItems', 'runs', 'ConsistentRead'), true);
  isDone();
});

test('a batch that is never answered in full is an error that says where to look', async () => {
  const left = { UnprocessedKeys: { runs: { Keys: [{ pk: { S: 'J' }, sk: { S: 'J' } }] } } };
  const { table } = tableThatAnswers(...Array.from({ length: 8 }, (): WireAnswer => ({ body: left })));
  const request = { pools: [], queueMax: 0, timedMax: 0 };
  await assert.rejects(
    table.books(hostA, { ...request, items: [{ kind: 'job', key: aJobKey(1) }] }),
    /table runs: 1 of 3 items were not read in 8 tries: it is throttled/,
  );
});

test('a look-up goes on where an index still has what has left its place', async () => {
  const keys = (...ids: number[]) =>
    ids.map((id) => ({ pk: { S: `J#${aJobKey(id)}` }, sk: { S: 'J' }, counted: { S: hostA } }));
  const at = (id: number) => ({ ...(stored(aJob(id)).Item as object), counted: { S: hostA } });
  const { table, isDone } = tableThatAnswers(
    { body: { Items: keys(1, 2), LastEvaluatedKey: keys(2)[0] } },
    { body: { Responses: { runs: [stored(aJob(1)).Item, at(2)] } } },
    { body: { Items: keys(3) } },
    { body: { Responses: { runs: [at(3)] } } },
  );
  const jobs = await table.jobsCounted(hostA, null, 2);
  assert.deepEqual(
    jobs.map(({ id }) => id),
    [2, 3],
  );
  isDone();
});

test('a ledger that would cost too much to read each time is refused with its size', async () => {
  const { table, isDone } = tableThatAnswers();
  const random = createSeededRandom('why');
  const why = () => Array.from({ length: 300 }, () => String.fromCharCode(33 + random.int(90))).join('');
  const pool = (breaker: string | null) => ({
    ...{ coming: 1, busy: 12, ending: 1, standby: 0, paused: false, limitNow: null },
    breaker: breaker === null ? null : { failures: 3, opened: 1, until: startMs, why: breaker },
  });
  // So many that their names and counts alone are too much, whatever is left out for people.
  const pools = Object.fromEntries(
    Array.from({ length: 400 }, (_, i) => [
      `${lint}-${i}-${why().replace(/\W/g, '').slice(0, 30)}`,
      pool(why()),
    ]),
  );
  await assert.rejects(
    table.commit(aCommit(0, { ledger: aLedger(hostA, 1, { pools }) })),
    new RegExp(`ledger of host hosta has \\d+ bytes, packed from \\d+; at most ${ledgerBytesMax}`),
  );
  isDone();
});

test('fifty pools that all fail for the same reason fit into a ledger', async () => {
  const { table, calls } = tableThatAnswers(ok);
  const breaker = { failures: 3, opened: 2, until: startMs, why: 'InsufficientInstanceCapacity: '.repeat(9) };
  const counts = { coming: 1, busy: 12, ending: 1, standby: 0, paused: false, limitNow: null };
  const pools = Object.fromEntries(
    Array.from({ length: 50 }, (_, i) => [`${lint}-with-a-long-name-${i}`, { ...counts, breaker }]),
  );
  await table.commit(aCommit(0, { ledger: aLedger(hostA, 1, { pools }) }));
  const written = String(partOf(calls[0], 'TransactItems', 0, 'Put', 'Item', 'item', 'B'));
  assert.deepEqual(unpack(Buffer.from(written, 'base64')), aLedger(hostA, 1, { pools }));
});
