import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { demandConfiguration } from '../../config/check.ts';
import { bundleFunctions, functionsOf } from './bundle.ts';

function configurationOf(options: object) {
  const { configuration } = demandConfiguration({
    hosts: { ec2: { type: 'ec2', limit: 9, options } },
    pools: {
      build: {
        ...{ host: 'ec2', os: 'linux', limit: 1, labels: ['build'] },
        machine: { instanceTypes: ['m7i.large'] },
      },
    },
  });
  return configuration;
}

test('there is a function that keeps images new where a host has them built, and only there', () => {
  const kinds = (options: object) =>
    functionsOf({ configuration: configurationOf(options) }).map(({ kind }) => kind);
  assert.equal(kinds({}).includes('images'), false);
  assert.equal(kinds({ images: {} }).filter((kind) => kind === 'images').length, 1);
});

test('it holds the clients of Image Builder and the parameter store, and of nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'bundles-'));
  try {
    const [bundle] = await bundleFunctions({
      configuration: configurationOf({ images: {} }),
      outDirectory: folder,
      sdk: 'bundled',
      secretsStore: 'secretsManager',
      kinds: ['images'],
    });
    assert.ok(bundle);
    const files = Object.values(bundle.metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs));
    const clients = files.flatMap((file) => /@aws-sdk\/client-([^/]+)\//.exec(file)?.[1] ?? []);
    assert.deepEqual([...new Set(clients)].sort(), ['imagebuilder', 'ssm']);
    assert.equal(
      files.some((file) => /aws-cdk|@octokit/.test(file)),
      false,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
