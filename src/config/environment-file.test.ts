import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { withEnvironmentFile } from './environment-file.ts';

describe('the file of the environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'environment-'));
  after(() => rmSync(folder, { recursive: true }));

  test('what is really set wins over the file, unless it is empty', () => {
    const file = join(folder, '.env');
    writeFileSync(file, '# why\nPORT=1\nHOST=file\nDATA_DIR="two\nlines"\n');
    assert.deepEqual(withEnvironmentFile(file, { PORT: '2', HOST: '', HOME: '/x' }), {
      PORT: '2',
      HOST: 'file',
      DATA_DIR: 'two\nlines',
      HOME: '/x',
    });
  });

  test('without a file there is what is set', () => {
    assert.deepEqual(withEnvironmentFile(join(folder, 'none'), { PORT: '2' }), { PORT: '2' });
  });

  test('a file that can not be read is an error that names it', () => {
    assert.throws(() => withEnvironmentFile(folder, {}), /^Error: The environment file .* can not be read\./);
  });
});
