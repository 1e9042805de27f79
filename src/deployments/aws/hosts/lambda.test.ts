import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { createVirtualClock } from '../../../adapters/clock/virtual/index.ts';
import { createDynamoDbClient } from '../../../adapters/jobs-tables/dynamodb/client.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import { lean } from '../lean.ts';
import * as lambda from './lambda.ts';

const opener: HostOpener = lambda;
const settings: HostSettings = {
  ...{ name: 'fn' as HostName, type: 'lambda', limit: 3, launchBurst: 5, launchesPerSecond: 2 },
  options: {},
};

/** Smaller than a function's own code. */
const gzippedBytesMax = 40_000;

const openWith = (environment: Record<string, string>) =>
  opener.open({
    settings,
    deployment: 'own1' as DeploymentPrefix,
    store: { client: createDynamoDbClient({ region: 'eu-west-1' }), tableName: 'jobs' },
    clock: createVirtualClock(0),
    random: () => 0.5,
    environment,
  });

describe('the opener of hosts on Lambda', () => {
  test('opens a host by what the infrastructure made, and calls nobody to look at a machine', async () => {
    const host = openWith({ LAMBDA_FN: JSON.stringify({ functions: { short: 'hosts-fnshort' } }) });
    assert.deepEqual(host.traits, opener.traits(settings));
    assert.equal(host.traits.standby, false);
    assert.equal(await host.list(), 'unknown');
  });

  test('says which variable is missing', () => {
    assert.throws(() => openWith({}), /LAMBDA_FN is not set.*Remedy/);
  });

  test('brings no CDK, no stand-in and no other host into a function, and little of its own', async () => {
    const { metafile, outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('./lambda.ts', import.meta.url))],
      bundle: true,
      write: false,
      metafile: true,
      minify: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      external: ['@aws-sdk/*', '@smithy/*'],
      plugins: [lean],
      logLevel: 'silent',
    });
    const inputs = Object.keys(metafile.inputs);
    assert.deepEqual(
      inputs.filter((path) =>
        /aws-cdk|constructs|\/testing|infrastructure|hosts\/(?!lambda)\w+\//.test(path),
      ),
      [],
    );
    const bytes = gzipSync(outputFiles[0]?.contents ?? '').byteLength;
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes`);
  });
});
