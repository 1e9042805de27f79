import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabase } from './database.ts';

test('all files of the database are for their owner alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'database-'));
  const database = openDatabase(join(folder, 'jobs.sqlite'));
  try {
    database.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    const modes = readdirSync(folder).map((file) => [file, statSync(join(folder, file)).mode & 0o777]);
    assert.deepEqual(Object.fromEntries(modes), {
      'jobs.sqlite': 0o600,
      'jobs.sqlite-shm': 0o600,
      'jobs.sqlite-wal': 0o600,
    });
  } finally {
    database.close();
    rmSync(folder, { recursive: true });
  }
});

test('a database that can not be made is told with what it needs', () => {
  assert.throws(() => openDatabase('/no/such/folder/jobs.sqlite'), /folder has to exist/);
});
