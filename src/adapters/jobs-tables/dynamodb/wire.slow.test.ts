// What goes over the wire to DynamoDB: how many calls each operation of the table makes and what they cost, which may
// not rise unseen; and what becomes of writes whose answers are lost on the way back.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import type { Commit } from '../../../core/commit.ts';
import type { RunnerFact } from '../../../core/runner.ts';
import { deadlinesOfContract } from '../../../ports/jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aLane,
  aLedger,
  aRunner,
  aRunnerName,
  build,
  counted,
  hostA,
  laneOf,
  lint,
  lintLane,
  seen,
  startMs,
} from '../../../ports/testing.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSystemRandom } from '../../clock/system/random.ts';
import { createDynamoDbClient, createDynamoDbJobsTable } from './index.ts';
import { laneRow } from './rows.ts';
import { createTable, emulatorConfig } from './testing.ts';
import { createWire, type WireAnswer, type WireCall } from './testing-wire.ts';

describe('the wire to DynamoDB', () => {
  let started: ReturnType<typeof startMiniStack> | null = null;
  let tables = 0;
  after(async () => (await started)?.stop());

  async function createTableOnWire(answer?: (call: WireCall, calls: readonly WireCall[]) => WireAnswer) {
    started ??= startMiniStack();
    const config = emulatorConfig((await started).endpoint);
    const wire = createWire(config, answer);
    const client = createDynamoDbClient({ ...config, ...wire.config });
    const units = countUnits(client);
    tables += 1;
    const tableName = `wire-${tables}`;
    await createTable(client, tableName);
    // A process of its own: what it saw lately is its alone.
    const open = () =>
      createDynamoDbJobsTable({
        client,
        tableName,
        clock: createSystemClock(),
        random: createSystemRandom(),
        deadlines: deadlinesOfContract,
        keepMs: 0,
      });
    const table = open();
    wire.counts();

    async function publish(given: Partial<Commit>): Promise<void> {
      const version = (await table.readLedger(hostA))?.version ?? 0;
      const commit = aCommit(version, { ledger: aLedger(hostA, version + 1), ...given });
      assert.deepEqual(await table.commit(commit), { outcome: 'committed' });
    }

    /** What `run` sends: its requests by operation, and the capacity units that they take. */
    async function costOf(
      run: () => Promise<unknown>,
    ): Promise<{ calls: Record<string, number>; units: number }> {
      wire.counts();
      units.take();
      await run();
      return { calls: wire.counts(), units: units.take() };
    }

    return { table, open, wire, client, tableName, publish, costOf };
  }

  test('no operation makes more calls than it needs, however much waits and lives beside it', async () => {
    const { table, open, costOf, publish } = await createTableOnWire();
    // A backlog of two hundred jobs in twenty lanes, and fifty runners.
    const beside = Array.from({ length: 200 }, (_, i) => i + 1_000);
    for (const id of beside) await table.recordJob(aJobKey(id), [seen(id)], startMs);
    const lanes = Array.from({ length: 20 }, (_, n) =>
      aLane({ key: laneOf(n), fresh: 1, coming: n % 2, oldestAt: startMs, surplusSince: startMs + n }),
    );
    await publish({ lanes });
    await publish({ runnersNew: Array.from({ length: 50 }, (_, n) => aRunner(n + 100)) });
    await table.deployment(() => ({ prefix: 'test' as never, claimKey: 'key' }));

    const job = async () => {
      const read = await table.readJob(aJobKey(1));
      assert.ok(read);
      return read;
    };
    const name = aRunnerName(1);
    const items = [{ kind: 'job', key: aJobKey(1) }] as const;
    const many = beside.slice(0, 45).map((id) => ({ kind: 'job', key: aJobKey(id) }) as const);
    const record =
      (...facts: RunnerFact[]) =>
      () =>
        table.recordRunner(name, facts, startMs);
    const elsewhere =
      (...facts: RunnerFact[]) =>
      () =>
        open().recordRunner(name, facts, startMs);
    const put = { PutItem: 1 };
    const getPut = { GetItem: 1, PutItem: 1 };

    const steps: [
      what: string,
      run: () => Promise<unknown>,
      calls: Record<string, number>,
      unitsMax: number,
    ][] = [
      ['a deployment that is there', () => table.deployment(() => assert.fail()), { GetItem: 1 }, 1],
      ['a first sighting', () => table.recordJob(aJobKey(1), [seen(1)], startMs), put, 3],
      ['its duplicate', () => open().recordJob(aJobKey(1), [seen(1)], startMs), put, 0],
      [
        'books of one new job',
        () => open().books(hostA, { ...request, items }),
        { BatchGetItem: 2, Query: 2 },
        2,
      ],
      [
        'books of 45 jobs',
        () => open().books(hostA, { ...request, items: many }),
        { BatchGetItem: 2, Query: 2 },
        2,
      ],
      [
        'books of a job that was seen before',
        () => table.books(hostA, { ...request, items }),
        // The lanes that wait are too many for the ledger to name.
        { BatchGetItem: 2, Query: 2 },
        2,
      ],
      [
        'books of items alone',
        () => open().books(hostA, { ...request, items, pools: [], queueMax: 0, timedMax: 0 }),
        { BatchGetItem: 2 },
        0,
      ],
      [
        'a commit of one job and its runner',
        async () => {
          const lane = aLane({ coming: 1, fresh: 1, oldestAt: startMs });
          await publish({ jobs: [counted(await job(), 'fresh')], lanes: [lane], runnersNew: [aRunner(1)] });
        },
        // The ledger and the job are read by this test.
        { GetItem: 2, TransactWriteItems: 1 },
        16,
      ],
      ['a lease on what was seen as it was committed', record(lease), put, 2],
      ['the mark after it', record(mark), put, 3],
      [
        'a fact of the same runner elsewhere',
        elsewhere({ kind: 'launched', machine: 'i-1' as never }),
        getPut,
        2,
      ],
      ['a fact on a guess that is old', record({ kind: 'online', gitHubId: 5 }), { PutItem: 2 }, 3],
      ['a fact that is refused', record(mark), { GetItem: 1 }, 1],
      [
        'a later event of the job',
        () => open().recordJob(aJobKey(1), [seen(1, 'in_progress')], startMs),
        { UpdateItem: 1 },
        4,
      ],
      [
        'an event that came before',
        () => open().recordJob(aJobKey(1), [seen(1, 'in_progress')], startMs),
        { UpdateItem: 1 },
        0,
      ],
      ['a note', elsewhere({ kind: 'note', what: 'news' }), { UpdateItem: 1 }, 2],
      [
        'ten leases at once, of which one is refused',
        () => {
          const other = open();
          return Promise.all(
            Array.from({ length: 10 }, (_, n) =>
              other.recordRunner(aRunnerName(n === 0 ? 1 : n + 100), [lease, mark], startMs),
            ),
          );
        },
        { BatchGetItem: 1, TransactWriteItems: 1 },
        60,
      ],
      ['jobs of a lane', () => table.jobsOfLane(lintLane, 'fresh', 10), { Query: 1, BatchGetItem: 1 }, 0.5],
      ['jobs of an empty lane', () => table.jobsOfLane(laneOf(99), 'fresh', 10), { Query: 1 }, 0.5],
      [
        'runners of a lane',
        () => table.runnersOfLane(hostA, lintLane, 'coming', 5),
        { Query: 1, BatchGetItem: 1 },
        0.5,
      ],
      ['spares', () => table.runnersStandingBy(hostA, lint, 5), { Query: 1 }, 0.5],
      [
        'what was never counted',
        () => table.uncounted(hostA, startMs + 1, 20),
        { Query: 4, BatchGetItem: 1 },
        2,
      ],
      ['jobs that are due', () => table.dueJobs(startMs, 20), { Query: 4 }, 2],
      ['runners that are due', () => table.dueRunners(hostA, startMs, 20), { Query: 4 }, 2],
      ['sweeps that are due', () => table.sweepsDue(startMs, 20), { Query: 1 }, 0.5],
      ['a census', () => table.census(hostA), { BatchGetItem: 2, Query: 5 }, 5],
      ['runners of a host', () => table.runnersOfHost(hostA), { BatchGetItem: 1, Query: 4 }, 4],
      ['a first sweep', () => table.sweepSoon(sweep(5)), put, 3],
      ['a sweep that is soon enough', () => open().sweepSoon(sweep(7)), put, 0],
      ['a purge', () => table.purge(startMs, 100), {}, 0],
    ];
    for (const [what, run, calls, unitsMax] of steps) {
      const cost = await costOf(run);
      assert.deepEqual(cost.calls, calls, what);
      assert.ok(cost.units <= unitsMax, `${what}: ${cost.units} units, at most ${unitsMax} are expected`);
    }
  });

  test('a table that stays throttled is an error after three tries', async () => {
    const config = emulatorConfig('http://127.0.0.1:9');
    const wire = createWire(config, () => ({ error: 'ThrottlingException' }));
    const client = createDynamoDbClient({ ...config, ...wire.config });
    const clock = createSystemClock();
    const random = createSystemRandom();
    const options = { client, clock, random, deadlines: deadlinesOfContract, keepMs: 0 };
    const table = createDynamoDbJobsTable({ ...options, tableName: 'runs' });
    await assert.rejects(table.recordJob(aJobKey(1), [seen(1)], startMs), { name: 'ThrottlingException' });
    assert.deepEqual(wire.counts(), { PutItem: 3 });
  });

  test('facts and commits whose answers are lost are done once', async () => {
    // The first answer of each write is lost, after it was carried out.
    const lost = new Set<string>();
    const { table, wire } = await createTableOnWire((call) => {
      const isWrite = ['PutItem', 'UpdateItem', 'TransactWriteItems'].includes(call.operation);
      const id = JSON.stringify(call.request);
      if (!isWrite || lost.has(id)) return 'pass';
      lost.add(id);
      return 'lose';
    });
    const recorded = await table.recordJob(aJobKey(1), [seen(1)], startMs);
    assert.deepEqual([recorded.outcome, recorded.job?.version], ['recorded', 1]);
    assert.ok(recorded.job);
    const commit = aCommit(0, { jobs: [counted(recorded.job, 'fresh')], runnersNew: [aRunner(1)] });
    assert.deepEqual(await table.commit(commit), { outcome: 'committed' });
    const marked = await table.recordRunner(aRunnerName(1), [lease, mark], startMs);
    assert.equal(marked.outcome, 'recorded');
    const noted = await table.recordRunner(aRunnerName(1), [{ kind: 'note', what: 'once' }], startMs);
    assert.ok(noted.outcome === 'recorded');
    assert.deepEqual(noted.runner.timeline.filter(({ what }) => what === 'once').length, 1);
    assert.equal((await table.readRunner(aRunnerName(1)))?.version, 3);
    assert.equal((await table.readJob(aJobKey(1)))?.version, 2);
    assert.equal(lost.size, 4);
    assert.deepEqual(wire.counts()['TransactWriteItems'], 2);
  });

  test('a commit on a lane that was read while another commit was about to write it is lost, and the next is not', async () => {
    const { table, client, tableName, publish } = await createTableOnWire();
    const lane = aLane({ fresh: 1, busy: 1, oldestAt: startMs });
    await publish({ lanes: [lane] });
    const books = await table.books(hostA, request);
    assert.deepEqual(books.queue, [lane]);
    // Applied after the ledger that was read, though it is part of the same transaction.
    const late = aLane({ fresh: 2, busy: 1, oldestAt: startMs });
    await client.send(new PutCommand({ TableName: tableName, Item: laneRow(late, 7) }));
    const commit = aCommit(1, { lanes: [{ ...lane, fresh: 0, ordered: 1, coming: 1 }] });
    assert.deepEqual(await table.commit(commit), { outcome: 'lost' });
    assert.deepEqual((await table.books(hostA, request)).queue, [late]);
    assert.deepEqual(await table.commit(commit), { outcome: 'committed' });
  });
});

function sweep(ms: number) {
  const nextAt = startMs + ms;
  return { kind: 'hostList', subject: 'a', nextAt, lastAt: null, touchedAt: startMs, state: null } as const;
}

/**
 * Sums what the emulator says that requests took, of the table and all indexes, reads and writes. It tells nothing of
 * batches of gets and of writes that were refused, which DynamoDB charges too.
 */
function countUnits(client: DynamoDBDocumentClient): { take(): number } {
  let sum = 0;
  client.middlewareStack.add(
    (next) => async (args) => {
      Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
      const result = await next(args);
      const { ConsumedCapacity } = result.output as {
        ConsumedCapacity?: { CapacityUnits?: number } | { CapacityUnits?: number }[];
      };
      for (const { CapacityUnits = 0 } of [ConsumedCapacity ?? []].flat()) sum += CapacityUnits;
      return result;
    },
    { step: 'initialize' },
  );
  return {
    take() {
      const taken = sum;
      sum = 0;
      return taken;
    },
  };
}

const lease: RunnerFact = { kind: 'lease', owner: 'me', until: startMs + 30_000 };
const mark: RunnerFact = { kind: 'mark', owner: 'me' };
const request = { items: [], pools: [lint, build], queueMax: 50, timedMax: 50 };
