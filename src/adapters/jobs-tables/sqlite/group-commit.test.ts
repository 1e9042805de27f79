import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { setImmediate as turnOfEventLoop } from 'node:timers/promises';
import type { HostName, JobKey } from '../../../core/ids.ts';
import type { Change } from '../../../ports/jobs-table.ts';
import { createGroupCommit } from './group-commit.ts';

const change = (key: string): Change => ({
  host: 'a' as HostName,
  item: { kind: 'job', key: key as JobKey },
});

function setUp(t: TestContext) {
  const database = new DatabaseSync(':memory:');
  t.after(() => database.close());
  database.exec('CREATE TABLE words (word TEXT PRIMARY KEY) STRICT');
  const told: Change[][] = [];
  const groups = createGroupCommit(database, (changes) => told.push(changes));
  const insert = database.prepare('INSERT INTO words VALUES (?)');
  const all = database.prepare('SELECT word FROM words ORDER BY rowid');
  const words = () => all.all().map((row) => row['word']);
  const add = (word: string) =>
    groups.run(() => ({ write: () => insert.run(word).lastInsertRowid, changes: [change(word)] }));
  return { database, told, groups, words, add };
}

test('writes of one turn are one transaction, in their order, and are told together', async (t) => {
  const { told, words, add } = setUp(t);
  const answers = Promise.all(['a', 'b', 'c'].map(add));
  assert.deepEqual(words(), []);
  assert.deepEqual(await answers, [1, 2, 3]);
  assert.deepEqual(words(), ['a', 'b', 'c']);
  assert.deepEqual(told, [['a', 'b', 'c'].map(change)]);
});

test('a write sees those before it in its group', async (t) => {
  const { groups, words, add } = setUp(t);
  const seen = groups.run(() => ({ write: null, answer: words() }));
  const first = add('a');
  const later = groups.run(() => ({ write: null, answer: words() }));
  assert.deepEqual(await seen, []);
  await first;
  assert.deepEqual(await later, ['a']);
});

test('a group that decides to write nothing tells nothing', async (t) => {
  const { told, groups } = setUp(t);
  assert.equal(await groups.run(() => ({ write: null, answer: 'unchanged' })), 'unchanged');
  assert.deepEqual(told, []);
});

test('a decision that throws fails alone', async (t) => {
  const { told, groups, words, add } = setUp(t);
  const before = add('a');
  const broken = groups.run(() => {
    throw new Error('this one');
  });
  const after = add('b');
  await assert.rejects(broken, /this one/);
  await Promise.all([before, after]);
  assert.deepEqual(words(), ['a', 'b']);
  assert.deepEqual(told, [['a', 'b'].map(change)]);
});

test('a write that throws fails its group, of which nothing is kept or told; the next group is written', async (t) => {
  const { told, words, add } = setUp(t);
  await add('a');
  const group = await Promise.allSettled(['b', 'a', 'c'].map(add));
  assert.deepEqual(
    group.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.deepEqual(words(), ['a']);
  await add('d');
  assert.deepEqual(words(), ['a', 'd']);
  assert.deepEqual(told.flat(), ['a', 'd'].map(change));
});

test('a flood is written in several transactions, between which others get their turn', async (t) => {
  const { told, words, add } = setUp(t);
  let turns = 0;
  let isDone = false;
  const flood = Promise.all(Array.from({ length: 1_000 }, (_, i) => add(`word ${i}`))).then(() => {
    isDone = true;
  });
  for (; !isDone; turns += 1) await turnOfEventLoop();
  await flood;
  assert.ok(turns >= 3, `${turns} turns`);
  assert.equal(words().length, 1_000);
  assert.equal(told.flat().length, 1_000);
  assert.ok(told.length > 1);
});

test('closing writes what is waiting, and refuses what comes later', async (t) => {
  const { groups, words, add } = setUp(t);
  const flood = Promise.all(Array.from({ length: 600 }, (_, i) => add(`word ${i}`)));
  groups.close();
  await flood;
  assert.equal(words().length, 600);
  await assert.rejects(add('late'), /closed/);
  await turnOfEventLoop();
  assert.equal(words().length, 600);
});

test('while another connection holds the lock for too long a group fails, and nothing of it is written', async (t) => {
  const { database, words, add } = setUp(t);
  database.exec('BEGIN IMMEDIATE');
  const group = await Promise.allSettled([add('a'), add('b')]);
  assert.deepEqual(
    group.map(({ status }) => status),
    ['rejected', 'rejected'],
  );
  assert.deepEqual(words(), []);
});
