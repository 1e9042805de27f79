import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, describe, test } from 'node:test';
import { loadConfiguration } from './load.ts';
import { ConfigurationError } from './problem.ts';

describe('the file of the configuration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'configuration-'));
  after(() => rmSync(folder, { recursive: true }));

  const data = {
    hosts: { office: { type: 'local', limit: 8 } },
    pools: { lint: { host: 'office', os: 'linux', labels: ['lint'], limit: 4, command: ['./run.sh'] } },
  };

  function fileOf(name: string, text: string): string {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  }

  async function messageOf(file: string): Promise<string> {
    const error = await loadConfiguration(file).catch((failure: unknown) => failure);
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.message.replaceAll(folder, '');
  }

  test('the example in the root is valid without any environment', async () => {
    const { configuration, warnings } = await loadConfiguration(
      resolve(import.meta.dirname, '../../runners.config.ts'),
    );
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      configuration.pools.map(({ name }) => name as string),
      ['lint', 'build'],
    );
  });

  test('TypeScript, JavaScript and JSON say the same', async () => {
    const text = JSON.stringify(data);
    const define = JSON.stringify(resolve(import.meta.dirname, '../index.ts'));
    const files = [
      fileOf(
        'typed.ts',
        `const limit: number = 4;\nexport default ${text.replace('"limit":4', 'limit')} as const;`,
      ),
      fileOf('defined.mts', `import { defineConfig } from ${define};\nexport default defineConfig(${text});`),
      fileOf('plain.mjs', `export default ${text};`),
      fileOf('plain.json', text),
    ];
    const versions = await Promise.all(
      files.map(async (file) => (await loadConfiguration(file)).configuration.version),
    );
    assert.equal(new Set(versions).size, 1);
  });

  test('a file that is not there is named, with how to make one', async () => {
    assert.equal(
      await messageOf(join(folder, 'none.ts')),
      '/none.ts has a problem:\n\nthere is no such file\n  allowed: a file .ts, .mts, .js, .mjs, .json with the configuration\n  to do:   set RUNNERS_CONFIG to its path, or make one: runners.config.ts in the root of the project is an example to copy\n',
    );
    assert.match(await messageOf(folder), /it is no file/);
  });

  test('a file of another kind is refused', async () => {
    assert.match(await messageOf(fileOf('runners.yaml', 'a: 1')), /its name ends with '\.yaml'/);
  });

  test('a missing default export is told with what is exported', async () => {
    assert.match(
      await messageOf(fileOf('named.ts', 'export const config = {};')),
      /it exports config, but no default\n.*\n {2}to do: {3}begin it with `export default defineConfig\(\{` …/,
    );
    assert.match(await messageOf(fileOf('empty.ts', 'export {};')), /it exports nothing/);
  });

  test('a syntax error is told with its place, in TypeScript and in JavaScript', async () => {
    const text = 'export default {\n  a: 1\n  b: 2,\n};\n';
    assert.match(
      await messageOf(fileOf('broken.ts', text)),
      /Expected ',', got 'ident'\n {2}at \/broken\.ts:3\n/,
    );
    assert.match(
      await messageOf(fileOf('broken.mjs', text)),
      /Unexpected identifier 'b'\n {2}at \/broken\.mjs:3\n/,
    );
    assert.match(
      await messageOf(fileOf('broken.json', '{\n "a": 1,\n}')),
      /it is not JSON: .*\(line 3 column 1\)\n {2}allowed: JSON, without comments and without a comma/,
    );
    assert.match(
      await messageOf(fileOf('enum.ts', 'enum A { B }\nexport default {};')),
      /TypeScript enum is not supported in strip-only mode\n {2}at \/enum\.ts:1\n/,
    );
  });

  test('a file that fails while it runs is told with the place', async () => {
    assert.match(
      await messageOf(fileOf('fails.ts', '\nexport default { hosts: nothing };')),
      /it can not be loaded: nothing is not defined\n {2}at \/fails\.ts:2:25\n/,
    );
    assert.match(
      await messageOf(fileOf('imports.ts', `import './missing.ts';\nexport default {};`)),
      /Cannot find module '\/missing\.ts' imported from \/imports\.ts/,
    );
  });

  test('problems of the configuration come under the name of its file, all of them', async () => {
    const wrong = { ...data, pools: { lint: { ...data.pools.lint, limit: -1, lables: [] } } };
    const message = await messageOf(fileOf('wrong.json', JSON.stringify(wrong)));
    assert.match(
      message,
      /^\/wrong\.json has 2 problems:\n\npools\.lint\.lables: .*\n.*\n.*\n\npools\.lint\.limit: -1 /,
    );
    const error = await loadConfiguration(join(folder, 'wrong.json')).catch((failure: unknown) => failure);
    assert.ok(error instanceof ConfigurationError);
    assert.deepEqual(
      error.problems.map(({ place }) => place),
      ['pools.lint.lables', 'pools.lint.limit'],
    );
  });
});
