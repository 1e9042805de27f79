import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { offersContract } from '../../../ports/offers.contract.ts';
import { createSqliteOffers } from './index.ts';

offersContract('offers in SQLite', async () => createSqliteOffers(new DatabaseSync(':memory:')));

test('offers outlive the process, and a second start finds them', async () => {
  const database = new DatabaseSync(':memory:');
  await createSqliteOffers(database).remember('spot', 2_000);
  assert.equal((await createSqliteOffers(database).unavailable(['spot'], 1_000)).get('spot'), 2_000);
});
