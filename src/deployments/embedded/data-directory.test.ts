import assert from 'node:assert/strict';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { demandRoom, explainDataDirectory } from './data-directory.ts';

test('a data directory that can not be used is told with its path, the reason and what to do', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'data-directory-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'file');
  closeSync(openSync(file, 'w'));
  for (const [fail, reason] of [
    [() => mkdirSync(file, { recursive: true }), 'there is a file of that name'],
    [() => mkdirSync(join(file, 'data'), { recursive: true }), 'a part of its path is a file'],
    [() => new DatabaseSync(folder), 'its database can not be opened'],
  ] as const) {
    const explained = explainDataDirectory(thrown(fail), '/srv/data');
    assert.ok(explained instanceof Error);
    assert.match(explained.message, /The data directory \/srv\/data can't be used: .*DATA_DIR/);
    assert.ok(explained.message.includes(reason), explained.message);
  }
});

test('an error about something else stays as it is', () => {
  const error = new Error('the port is taken');
  assert.equal(explainDataDirectory(error, '/srv/data'), error);
});

test('a data directory without room is no healthy one', async () => {
  await demandRoom(tmpdir(), 1);
  await assert.rejects(demandRoom(tmpdir(), Number.MAX_VALUE), /bytes left.*make room there/);
});

function thrown(fail: () => unknown): unknown {
  try {
    fail();
  } catch (error) {
    return error;
  }
  return assert.fail('it did not fail');
}
