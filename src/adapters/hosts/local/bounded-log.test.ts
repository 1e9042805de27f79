import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { createBoundedLog } from './bounded-log.ts';

let folder = '';
let path = '';
describe('a bounded log', () => {
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'bounded-log-'));
    path = join(folder, 'runner.log');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => `line ${String(from + i).padStart(4, '0')}\n`).join('');
  const sizeOfAll = (): number =>
    readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);

  test('a short log is kept whole, after what was there, and ends with its last line', () => {
    writeFileSync(path, 'before\n');
    const log = createBoundedLog(path, 1000);
    log.write(Buffer.from('one\n'));
    log.write(Buffer.from('two\n'));
    log.close('exit status 0');
    assert.equal(readFileSync(path, 'utf8'), 'before\none\ntwo\n\n[exit status 0]\n');
  });

  test('what is a little too long for the head is still whole', () => {
    const log = createBoundedLog(path, 1000);
    const all = lines(0, 70);
    log.write(Buffer.from(all));
    log.close('done');
    assert.equal(readFileSync(path, 'utf8'), `${all}\n[done]\n`);
  });

  test('a long log keeps its beginning and its end, says what it lost, and never grows beyond its bound', () => {
    const log = createBoundedLog(path, 1000);
    const all = lines(0, 1000);
    for (let at = 0; at < all.length; at += 77) {
      log.write(Buffer.from(all.slice(at, at + 77)));
      assert.ok(sizeOfAll() <= 1000, `${sizeOfAll()} bytes`);
    }
    log.close('exit status 1');
    const text = readFileSync(path, 'utf8');
    assert.deepEqual(readdirSync(folder), ['runner.log']);
    assert.ok(text.length <= 1200, `${text.length} bytes`);
    assert.ok(text.startsWith(lines(0, 50)));
    assert.ok(text.endsWith(`${lines(980, 1000)}\n[exit status 1]\n`));
    const cut = Number(/\[… (\d+) bytes were cut out here/.exec(text)?.[1]);
    const kept = text.replace(/\n\[… .*?\n/, '').replace('\n[exit status 1]\n', '');
    assert.equal(kept.length + cut, all.length);
  });

  test('one piece larger than the bound is cut like any other', () => {
    const log = createBoundedLog(path, 1000);
    log.write(Buffer.from(lines(0, 1000)));
    assert.ok(sizeOfAll() <= 1000);
    log.close('done');
    assert.match(readFileSync(path, 'utf8'), /line 0999\n\n\[done\]\n$/);
  });

  test('a disk that takes no more costs the log, not the runner', () => {
    const log = createBoundedLog(path, 1000);
    rmSync(folder, { recursive: true });
    log.write(Buffer.from('lost'));
    log.close('done');
    folder = mkdtempSync(join(tmpdir(), 'bounded-log-'));
  });
});
