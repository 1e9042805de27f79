import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { JobKey } from '../../../core/ids.ts';
import { deadlinesOfContract } from '../../../ports/jobs-table.world.contract.ts';
import { createSqliteJobsTable } from './index.ts';

const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** Records jobs without end, twenty at a time, and prints each key when it is acknowledged. */
const writer = `
  const { createSqliteJobsTable } = await import(${url('./index.ts')});
  const { aJobKey, seen, startMs } = await import(${url('../../../ports/testing.ts')});
  const { deadlinesOfContract: deadlines } = await import(${url('../../../ports/jobs-table.world.contract.ts')});
  const table = createSqliteJobsTable({ database: process.argv[1], deadlines, onChanges: () => {} });
  let id = 0;
  const write = async () => {
    for (;;) {
      const key = aJobKey(++id);
      await table.recordJob(key, [seen(id)], startMs);
      process.stdout.write(key + '\\n');
    }
  };
  for (let i = 0; i < 20; i += 1) void write();
`;

for (const acknowledgedMin of [1, 100, 1_500]) {
  test(`a process that is killed after ${acknowledgedMin} writes loses nothing that it acknowledged`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'jobs-table-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'runners.sqlite');
    const child = spawn(process.execPath, ['--input-type=module', '--eval', writer, file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    const acknowledged: JobKey[] = [];
    for await (const line of createInterface(child.stdout)) {
      acknowledged.push(line as JobKey);
      if (acknowledged.length === acknowledgedMin) child.kill('SIGKILL');
    }
    assert.equal((await ended)[1], 'SIGKILL');

    const database = new DatabaseSync(file);
    t.after(() => database.close());
    assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok');
    const table = createSqliteJobsTable({ database, deadlines: deadlinesOfContract, onChanges: () => {} });
    assert.ok(acknowledged.length >= acknowledgedMin);
    for (const key of acknowledged) assert.equal((await table.readJob(key))?.key, key);
  });
}
