import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { findUser, firstClosedFolder, ownAccount } from './user.ts';

const { username, uid, gid, homedir } = userInfo();
const home = existsSync(homedir) ? homedir : null;

test('a user is found with numbers and home', async () => {
  const user = await findUser(username, uid);
  assert.deepEqual([user.name, user.uid, user.gid, user.home], [username, uid, gid, home]);
});

test('our own account is known, by the same facts', () => {
  assert.deepEqual(ownAccount(uid), { name: username, uid, home });
});

test('a user that is not there is named', async () => {
  await assert.rejects(
    findUser('nobody-of-that-name', 0),
    /no user nobody-of-that-name.*create it, or name another/,
  );
});

test('only root hands over the rights of another user', async () => {
  await assert.rejects(findUser(username, uid + 1), /may not start processes as .*run it as root/);
});

test('a folder that the user may not pass through is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'way-'));
  try {
    const open = join(folder, 'open');
    mkdirSync(open, { mode: 0o755 });
    const stranger = { name: 'x', uid: 54_321, gid: 54_321, home: null, prefix: [] };
    // On some machines the folder for temporary files is closed to others itself, as on a Mac.
    const closedBefore = firstClosedFolder(tmpdir(), stranger);
    assert.equal(firstClosedFolder(open, stranger), closedBefore ?? folder);
    assert.equal(firstClosedFolder('/usr/bin', stranger), null);
    assert.equal(firstClosedFolder(open, { ...stranger, uid }), null);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
