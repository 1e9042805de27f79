import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { pruneLogs } from './prune-logs.ts';

let folder = '';
describe('pruning of logs', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'prune-logs-'));
    // a is the oldest.
    for (const [age, name] of ['e', 'd', 'c', 'b', 'a'].entries()) {
      const path = join(folder, `${name}.log`);
      writeFileSync(path, 'x'.repeat(100));
      utimesSync(path, 1_700_000_000 - age, 1_700_000_000 - age);
    }
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('the oldest logs go beyond the number', async () => {
    await pruneLogs(folder, () => false, { logFilesMax: 2, logBytesTotalMax: 10_000 });
    assert.deepEqual(readdirSync(folder), ['d.log', 'e.log']);
  });

  test('the oldest logs go beyond the size', async () => {
    await pruneLogs(folder, () => false, { logFilesMax: 10, logBytesTotalMax: 350 });
    assert.deepEqual(readdirSync(folder), ['c.log', 'd.log', 'e.log']);
  });

  test('the log of a living runner stays, however old it is', async () => {
    await pruneLogs(folder, (name) => name === 'a', { logFilesMax: 1, logBytesTotalMax: 10_000 });
    assert.deepEqual(readdirSync(folder), ['a.log', 'e.log']);
  });

  test('within the bounds nothing goes', async () => {
    await pruneLogs(folder, () => false, { logFilesMax: 5, logBytesTotalMax: 500 });
    assert.equal(readdirSync(folder).length, 5);
  });
});
