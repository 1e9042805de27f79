import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { jobsTableContract } from '../../../ports/jobs-table.contract.ts';
import type { Change } from '../../../ports/jobs-table.ts';
import { deadlinesOfContract } from '../../../ports/jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aLane,
  aLedger,
  aRunner,
  aRunnerName,
  counted,
  hostA,
  lint,
  lintLane,
  seen,
  startMs,
} from '../../../ports/testing.ts';
import { openDatabase } from './database.ts';
import { createSqliteJobsTable } from './index.ts';

jobsTableContract('SQLite in memory', async (given) => {
  const table = createSqliteJobsTable({ ...given, database: ':memory:' });
  return { table, eventually: (check) => check(), end: async () => table.close() };
});

jobsTableContract('SQLite in a file', async (given) => {
  const folder = mkdtempSync(join(tmpdir(), 'jobs-table-'));
  const table = createSqliteJobsTable({ ...given, database: join(folder, 'runners.sqlite') });
  return {
    table,
    eventually: (check) => check(),
    async end() {
      table.close();
      rmSync(folder, { recursive: true });
    },
  };
});

const options = { deadlines: deadlinesOfContract, onChanges: (_: Change[]) => {} };

function fileFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'jobs-table-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'runners.sqlite');
}

test('a runner that an older version stored has what that did not know of as not known, and not as undefined', async (t) => {
  const file = fileFor(t);
  const first = createSqliteJobsTable({ ...options, database: file });
  await first.commit(aCommit(0, { runnersNew: [aRunner(1)] }));
  first.close();
  const database = new DatabaseSync(file);
  database.exec(
    "UPDATE runners SET item = json_remove(item, '$.restedAt', '$.machineSince', '$.keyHash', '$.interruptedAt')",
  );
  database.close();
  const second = createSqliteJobsTable({ ...options, database: file });
  const expected = { restedAt: null, machineSince: null, keyHash: null, interruptedAt: null };
  for (const runner of [await second.readRunner(aRunnerName(1)), ...(await second.runnersOfHost(hostA))])
    assert.partialDeepStrictEqual(runner, expected);
  second.close();
});

test('everything is still there when the file is opened again', async (t) => {
  const file = fileFor(t);
  const first = createSqliteJobsTable({ ...options, database: file });
  const deployment = await first.deployment(() => ({ prefix: 'abcd' as never, claimKey: 'key' }));
  await first.recordJob(aJobKey(1), [seen(1)], startMs);
  await first.recordJob(aJobKey(2), [seen(2)], startMs);
  await first.recordControl({ host: hostA, pool: lint, paused: true, limitNow: 1 }, startMs);
  const job = await first.readJob(aJobKey(1));
  assert.ok(job);
  const lane = aLane({ fresh: 1, oldestAt: startMs, surplusSince: startMs });
  await first.commit(aCommit(0, { jobs: [counted(job, 'fresh')], lanes: [lane], runnersNew: [aRunner(1)] }));
  await first.sweepSoon({
    kind: 'hostList',
    subject: 'a',
    nextAt: startMs,
    lastAt: null,
    touchedAt: 0,
    state: { a: 1 },
  });
  const see = async (table: typeof first) => ({
    books: await table.books(hostA, {
      items: [{ kind: 'job', key: aJobKey(1) }],
      pools: [lint],
      queueMax: 9,
      timedMax: 9,
    }),
    census: await table.census(hostA),
    jobs: await table.jobsOfLane(lintLane, 'fresh', 9),
    runners: await table.runnersOfLane(hostA, lintLane, 'coming', 9),
    uncounted: await table.uncounted(hostA, startMs + 1, 9),
    due: [await table.dueJobs(startMs * 2, 9), await table.dueRunners(hostA, startMs * 2, 9)],
    sweeps: await table.sweepsDue(startMs, 9),
    deployment: await table.deployment(() => ({ prefix: 'efgh' as never, claimKey: 'another' })),
  });
  const before = await see(first);
  first.close();

  const second = createSqliteJobsTable({ ...options, database: file });
  t.after(() => second.close());
  assert.deepEqual(await see(second), before);
  assert.deepEqual(before.deployment, deployment);
  assert.equal(before.jobs.length + before.runners.length + before.uncounted.length, 4);
});

test('what is written without being awaited is on disk when the table is closed', async (t) => {
  const file = fileFor(t);
  const first = createSqliteJobsTable({ ...options, database: file });
  const recorded = first.recordJob(aJobKey(1), [seen(1)], startMs);
  first.close();
  assert.equal((await recorded).outcome, 'recorded');
  await assert.rejects(first.recordJob(aJobKey(2), [seen(2)], startMs), /closed/);
  const second = createSqliteJobsTable({ ...options, database: file });
  t.after(() => second.close());
  assert.equal((await second.readJob(aJobKey(1)))?.id, 1);
});

test('a second connection sees what is committed, and both may write', async (t) => {
  const file = fileFor(t);
  const one = createSqliteJobsTable({ ...options, database: file });
  const other = createSqliteJobsTable({ ...options, database: file });
  t.after(() => {
    one.close();
    other.close();
  });
  await one.recordJob(aJobKey(1), [seen(1)], startMs);
  assert.equal((await other.readJob(aJobKey(1)))?.phase, 'queued');
  await Promise.all(
    [one, other].flatMap((table, i) =>
      Array.from({ length: 10 }, (_, n) =>
        table.recordJob(aJobKey(1), [seen(1, i === n % 2 ? 'in_progress' : 'completed')], startMs),
      ),
    ),
  );
  assert.equal((await one.readJob(aJobKey(1)))?.phase, 'completed');
  const answers = await Promise.all([one, other].map((table) => table.commit(aCommit(0))));
  assert.deepEqual(answers.map(({ outcome }) => outcome).sort(), ['committed', 'lost']);
});

test('a database of a newer release is refused and left as it is', (t) => {
  const file = fileFor(t);
  createSqliteJobsTable({ ...options, database: file }).close();
  const database = new DatabaseSync(file);
  database.exec('PRAGMA user_version = 99');
  database.close();
  assert.throws(
    () => createSqliteJobsTable({ ...options, database: file }),
    /schema version 99, this release knows versions up to 1: run the release that wrote it/,
  );
  const after = new DatabaseSync(file);
  t.after(() => after.close());
  assert.equal(after.prepare('PRAGMA user_version').get()?.['user_version'], 99);
});

test('a file that can not be made says which, and what is needed', () => {
  const file = join(tmpdir(), 'no-such-folder-of-jobs', 'runners.sqlite');
  assert.throws(() => createSqliteJobsTable({ ...options, database: file }), /no-such-folder.*has to exist/);
});

test('a database that was handed in open stays open', async (t) => {
  const database = new DatabaseSync(':memory:');
  t.after(() => database.close());
  createSqliteJobsTable({ ...options, database }).close();
  assert.equal(database.isOpen, true);
});

test('the file is written ahead and synced at each commit', (t) => {
  const file = fileFor(t);
  const database = openDatabase(file);
  t.after(() => database.close());
  assert.equal(database.prepare('PRAGMA journal_mode').get()?.['journal_mode'], 'wal');
  const full = 2;
  assert.equal(database.prepare('PRAGMA synchronous').get()?.['synchronous'], full);
});

test('every statement finds its rows by an index', (t) => {
  const database = new DatabaseSync(':memory:');
  t.after(() => database.close());
  const statements: string[] = [];
  const prepare = database.prepare.bind(database);
  t.mock.method(database, 'prepare', (sql: string) => {
    statements.push(sql);
    return prepare(sql);
  });
  createSqliteJobsTable({ ...options, database });
  const reads = statements.filter((sql) => /^\s*(SELECT|UPDATE|DELETE)/.test(sql));
  assert.ok(reads.length > 25);
  for (const sql of reads) {
    const steps = prepare(`EXPLAIN QUERY PLAN ${sql}`).all();
    for (const { detail } of steps as { detail: string }[]) {
      const isWholeOnPurpose = /SCAN asked|SCAN deployment|COVERING INDEX jobs_of_lane/.test(detail);
      assert.ok(!/SCAN|TEMP B-TREE/.test(detail) || isWholeOnPurpose, `${detail}: ${sql}`);
    }
  }
});

test('the deadline of an older configuration is replaced by the next fact', async (t) => {
  let launchMs = 1_000;
  const deadlines = { ...options.deadlines, ofRunner: () => startMs + launchMs };
  const table = createSqliteJobsTable({ ...options, deadlines, database: ':memory:' });
  t.after(() => table.close());
  await table.commit(aCommit(0, { ledger: aLedger(hostA, 1), runnersNew: [aRunner(1)] }));
  launchMs = 5;
  assert.deepEqual(await table.dueRunners(hostA, startMs + 5, 9), []);
  await table.recordRunner(aRunnerName(1), [{ kind: 'note', what: 'anything' }], startMs);
  assert.deepEqual(await table.dueRunners(hostA, startMs + 5, 9), [aRunnerName(1)]);
});
