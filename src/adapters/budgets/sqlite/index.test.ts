import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { budgetsContract } from '../../../ports/budgets.contract.ts';
import { createSqliteBudgets } from './index.ts';

budgetsContract('budgets in SQLite', async () => createSqliteBudgets(new DatabaseSync(':memory:')));

const key = { kind: 'host-launch', account: 'ec2' } as const;
const terms = { burst: 10, perSecond: 2 };
const startMs = 1_700_000_000_000;

test('a reservation works inside an open transaction, and is undone with it', async () => {
  const database = new DatabaseSync(':memory:');
  const budgets = createSqliteBudgets(database);
  database.exec('BEGIN IMMEDIATE');
  assert.equal((await budgets.reserve(key, terms, 10, startMs)).granted, 10);
  assert.equal(database.isTransaction, true);
  database.exec('ROLLBACK');
  assert.equal((await budgets.reserve(key, terms, 10, startMs)).granted, 10);
  assert.equal(database.isTransaction, false);
});

test('two processes on one file share the budget', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'budgets-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const databases = [1, 2].map(() => new DatabaseSync(join(folder, 'budgets.sqlite')));
  t.after(() => {
    for (const database of databases) database.close();
  });
  const [one, other] = databases.map(createSqliteBudgets);
  assert.ok(one && other);
  assert.equal((await one.reserve(key, terms, 4, startMs)).granted, 4);
  assert.equal((await other.reserve(key, terms, 10, startMs)).granted, 6);
  assert.equal((await one.reserve(key, terms, 1, startMs)).granted, 0);
});

test('a row that another process changed in between is decided on again', async () => {
  const database = new DatabaseSync(':memory:');
  const budgets = createSqliteBudgets(database);
  await budgets.reserve(key, terms, 1, startMs);
  // The moment between reading and writing: another writer takes four tokens when the row is first written.
  let strikes = 1;
  database.function('strike', () => {
    strikes -= 1;
    return strikes >= 0 ? 1 : 0;
  });
  database.exec(`
    CREATE TRIGGER other_writer BEFORE INSERT ON budgets WHEN strike() = 1
    BEGIN UPDATE budgets SET full_at_us = full_at_us + 4 * 500000; END`);
  assert.equal((await budgets.reserve(key, terms, 10, startMs)).granted, 5);
  assert.ok(strikes < 0);
});
