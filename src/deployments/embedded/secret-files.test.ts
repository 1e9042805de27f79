import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { warnOfOpenFiles } from './secret-files.ts';

test('a secret that every user of the machine can read is told, with what to do', (context) => {
  // Where temporary files are private, no file in them is open.
  const folder = mkdtempSync('/tmp/secret-files-');
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'key.pem');
  writeFileSync(file, 'a secret');
  chmodSync(file, 0o644);
  chmodSync(folder, 0o700);
  assert.deepEqual(warnOfOpenFiles([file]), [], 'nobody else gets so far');
  chmodSync(folder, 0o755);
  const [warning, ...more] = warnOfOpenFiles([
    file,
    join(folder, 'none'),
    folder,
    `-----BEGIN${'x'.repeat(9_999)}`,
  ]);
  assert.match(warning ?? '', /Every user.*key\.pem.*chmod 600/);
  assert.deepEqual(more, []);
  chmodSync(file, 0o640);
  assert.deepEqual(warnOfOpenFiles([file]), []);
});
