import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CreateJobsTableFixture, jobsTableContract } from '../../../ports/jobs-table.contract.ts';
import { deadlinesOfContract } from '../../../ports/jobs-table.world.contract.ts';
import { aCommit, aJobKey, counted, hostA, lintLane, seen, startMs } from '../../../ports/testing.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createMemoryJobsTable } from './index.ts';

jobsTableContract('memory', async (given) => ({
  table: createMemoryJobsTable({ ...given, freeze: true }),
  eventually: (check) => check(),
  end: async () => {},
}));

const lagMsMax = 1_000;

const createLagging: CreateJobsTableFixture = async (given) => {
  const clock = createVirtualClock(startMs);
  const random = createSeededRandom('lag');
  const table = createMemoryJobsTable({ ...given, clock, indexLag: () => random.int(lagMsMax) });
  return {
    table,
    async eventually(check) {
      await check().catch(async () => {
        await clock.advance(lagMsMax);
        await check();
      });
    },
    end: async () => {},
  };
};

jobsTableContract('memory with lag', createLagging);

const options = { deadlines: deadlinesOfContract, onChanges: () => {} };

test('an index that lags names what was there, and the items are as they are', async () => {
  const clock = createVirtualClock(startMs);
  const table = createMemoryJobsTable({ ...options, clock, indexLag: () => 500 });
  await table.recordJob(aJobKey(1), [seen(1)], startMs);
  const job = await table.readJob(aJobKey(1));
  assert.ok(job);
  await table.commit(aCommit(0, { jobs: [counted(job, 'fresh')] }));
  assert.deepEqual(await table.jobsOfLane(lintLane, 'fresh', 1), []);
  await clock.advance(499);
  assert.deepEqual(await table.jobsOfLane(lintLane, 'fresh', 1), []);
  await clock.advance(1);
  assert.equal((await table.jobsOfLane(lintLane, 'fresh', 1))[0]?.phase, 'queued');

  await table.recordJob(aJobKey(1), [seen(1, 'completed')], startMs);
  assert.equal((await table.jobsOfLane(lintLane, 'fresh', 1))[0]?.phase, 'completed');
  const counts = await table.readJob(aJobKey(1));
  assert.ok(counts);
  await table.commit(aCommit(1, { jobs: [counted(counts, null)] }));
  assert.deepEqual((await table.jobsOfLane(lintLane, 'fresh', 1))[0]?.counted, null);
  assert.equal(await table.purge(startMs + 1, 1), 1);
  assert.deepEqual(await table.jobsOfLane(lintLane, 'fresh', 1), []);
  await clock.advance(500);
  assert.deepEqual(await table.jobsOfLane(lintLane, 'fresh', 1), []);
});

test('a short lag never overtakes a longer one', async () => {
  const clock = createVirtualClock(startMs);
  const lags = [900, 0];
  const table = createMemoryJobsTable({
    ...options,
    clock,
    indexLag: (index) => (index === 'uncounted' ? (lags.shift() ?? 0) : 0),
  });
  await table.recordJob(aJobKey(1), [seen(1)], startMs);
  const job = await table.readJob(aJobKey(1));
  assert.ok(job);
  await table.commit(aCommit(0, { jobs: [counted(job, 'fresh')] }));
  await clock.advance(900);
  assert.deepEqual(await table.uncounted(hostA, startMs + 1, 1), []);
});

test('a lag without a clock is refused', () => {
  assert.throws(() => createMemoryJobsTable({ ...options, indexLag: () => 1 }), /clock/);
});

test('a commit that meets another transaction is void, and no item is to blame', async () => {
  const conflicts = [true, false];
  const table = createMemoryJobsTable({ ...options, conflicts: () => conflicts.shift() ?? false });
  assert.deepEqual(await table.commit(aCommit(0)), { outcome: 'conflict', items: [] });
  assert.equal(await table.readLedger(hostA), null);
  assert.deepEqual(await table.commit(aCommit(0)), { outcome: 'committed' });
});

test('whoever changes a stored item is found, if asked for', async () => {
  const table = createMemoryJobsTable({ ...options, freeze: true });
  await table.recordJob(aJobKey(1), [seen(1)], startMs);
  const job = await table.readJob(aJobKey(1));
  assert.throws(() => Object.assign(job?.route ?? {}, { kind: 'lane' }), TypeError);
});
