import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { takeDataDirectory } from './lock.ts';
import { createProcessTable, identityOf } from './processes/index.ts';

let directory = '';
describe('the lock of a data directory', () => {
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'lock-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  /** A process that takes the directory and keeps it. */
  async function holdElsewhere() {
    const program = `
    import { takeDataDirectory } from ${JSON.stringify(new URL('./lock.ts', import.meta.url).href)};
    await takeDataDirectory(${JSON.stringify(directory)});
    console.log('taken');
    setInterval(() => {}, 1000);`;
    const holder = spawn(execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(holder, 'exit');
    const [said] = await Promise.race([once(holder.stdout, 'data'), exited]);
    assert.equal(String(said), 'taken\n');
    return {
      pid: holder.pid,
      kill: async () => {
        holder.kill('SIGKILL');
        await exited;
      },
    };
  }

  test('a directory is taken once, and again when it was given back', async () => {
    const lock = await takeDataDirectory(directory);
    await assert.rejects(
      takeDataDirectory(directory),
      /is in use by this process itself.*stop the other one/,
    );
    await lock.release();
    const again = await takeDataDirectory(directory);
    await assert.rejects(takeDataDirectory(directory), /in use/);
    await again.release();
    assert.equal(readdirSync(directory).length, 1, 'locks pile up');
  });

  test('a directory that is not there is made', async () => {
    const lock = await takeDataDirectory(join(directory, 'new', 'data'));
    await lock.release();
    assert.ok(readdirSync(join(directory, 'new', 'data')).length > 0);
  });

  test('another process that holds it is named, and is followed when it was killed', async () => {
    const holder = await holdElsewhere();
    try {
      await assert.rejects(
        takeDataDirectory(directory),
        new RegExp(`process ${holder.pid}, which is running`),
      );
    } finally {
      await holder.kill();
    }
    const lock = await takeDataDirectory(directory);
    await lock.release();
  });

  test('a living process of that number that started at another time is not the holder', async () => {
    const own = await identityOf(createProcessTable(), process.pid);
    assert.ok(own);
    writeFileSync(join(directory, 'lock.7.json'), JSON.stringify({ ...own, startedAt: `${own.startedAt}0` }));
    const lock = await takeDataDirectory(directory);
    assert.deepEqual(readdirSync(directory), ['lock.8.json']);
    assert.deepEqual(JSON.parse(readFileSync(join(directory, 'lock.8.json'), 'utf8')), own);
    await lock.release();
  });

  test('of many who try at once one gets it', async () => {
    writeFileSync(join(directory, 'lock.3.json'), JSON.stringify({ pid: 1, startedAt: 'never' }));
    for (let round = 0; round < 5; round += 1) {
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => takeDataDirectory(directory)));
      const taken = tries.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      assert.equal(taken.length, 1);
      await taken[0]?.release();
    }
  });

  test('a damaged lock is named, and nothing is taken', async () => {
    writeFileSync(join(directory, 'lock.3.json'), 'x');
    await assert.rejects(takeDataDirectory(directory), /lock\.3\.json is damaged\. If no orchestrator/);
  });
});
