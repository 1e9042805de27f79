import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { removeTree } from './work-directory.ts';

async function folder(test: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'work-directory-'));
  test.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('a work directory is removed', () => {
  it('with folders that nobody may write to', async (test) => {
    const root = join(await folder(test), 'root');
    await mkdir(join(root, 'cache/module'), { recursive: true });
    await writeFile(join(root, 'cache/module/file'), '');
    await chmod(join(root, 'cache/module'), 0o500);
    await chmod(join(root, 'cache'), 0o000);
    await removeTree(root, () => assert.fail('it had to wait'));
    assert.equal(existsSync(root), false);
  });

  it('after a few tries of the whole when something is in the way, and given up when it stays', async (test) => {
    const root = join(await folder(test), 'root');
    const mounted = join(root, 'work/deep/mounted');
    await mkdir(mounted, { recursive: true });
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mounted]);
    if (mount.status !== 0) return test.skip('this user may not mount');
    const umount = () => spawnSync('umount', [mounted]);
    try {
      let waits = 0;
      await assert.rejects(
        removeTree(root, async () => {
          waits += 1;
        }),
        { code: 'EBUSY' },
      );
      assert.equal(waits, 9);
      await removeTree(root, async () => {
        umount();
      });
      assert.equal(existsSync(root), false);
    } finally {
      umount();
    }
  });
});
