// What an editor says while a configuration is written: the compiler checks this file, so a line that should be
// refused and is not fails `make check-types`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration } from './check.ts';
import { defineConfig } from './define-config.ts';

const hosts = { office: { type: 'local', limit: 8 } } as const;
const lint = { host: 'office', os: 'linux', labels: ['lint'], limit: 4 } as const;

test('defineConfig gives back what it is given, and that passes the check', () => {
  const written = {
    hosts: {
      office: { type: 'local' as const, limit: 8, options: { endGraceMs: 5000 } },
      lab: { type: 'simulated' as const, limit: 8 },
    },
    pools: {},
  };
  assert.equal(defineConfig(written), written);
  const configuration = defineConfig({
    ...written,
    pools: {
      lint: { ...lint, labels: ['lint'], command: ['./run.sh'], machine: { user: 'runner' } },
      far: { ...lint, host: 'lab', labels: ['far'], spares: 1, machine: {} },
    },
    timing: { idleSeconds: 60 },
    github: { mintBurst: 50 },
  });
  assert.equal(checkConfiguration(configuration).outcome, 'accepted');
});

test('the types refuse what the check refuses', () => {
  const written = [
    // @ts-expect-error: no such host
    defineConfig({ hosts, pools: { lint: { ...lint, labels: ['a'], host: 'ofice', command: ['x'] } } }),
    // @ts-expect-error: no such type of host
    defineConfig({ hosts: { office: { type: 'locl', limit: 8 } }, pools: {} }),
    // @ts-expect-error: a misspelt key of a host
    defineConfig({ hosts: { office: { type: 'local', limit: 8, limits: 8 } }, pools: {} }),
    // @ts-expect-error: an option of another type of host
    defineConfig({ hosts: { office: { type: 'local', limit: 8, options: { standby: true } } }, pools: {} }),
    // @ts-expect-error: a misspelt key of a pool
    defineConfig({ hosts, pools: { lint: { ...lint, labels: ['a'], lable: ['b'], command: ['x'] } } }),
    // @ts-expect-error: a machine of another type of host
    defineConfig({ hosts, pools: { lint: { ...lint, labels: ['a'], machine: { bootMs: 1 } } } }),
    // @ts-expect-error: a misspelt time
    defineConfig({ hosts, pools: {}, timing: { idleSecond: 3 } }),
  ];
  for (const configuration of written) assert.equal(checkConfiguration(configuration).outcome, 'refused');
});

test('a command is short only where a machine has one', () => {
  const configuration = defineConfig({
    hosts: { lab: { type: 'simulated', limit: 8 } },
    // @ts-expect-error: machines of a simulated host have no command
    pools: { lint: { ...lint, host: 'lab', labels: ['a'], command: ['x'] } },
  });
  assert.equal(checkConfiguration(configuration).outcome, 'refused');
});
