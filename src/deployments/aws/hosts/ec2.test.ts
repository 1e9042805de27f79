import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { createVirtualClock } from '../../../adapters/clock/virtual/index.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import * as ec2 from './ec2.ts';

const opener: HostOpener = ec2;
const settings: HostSettings = {
  name: 'ec2' as HostName,
  type: 'ec2',
  limit: 3,
  launchBurst: 5,
  launchesPerSecond: 2,
  options: {},
};
const made = {
  templates: { build: 'lt-0123456789abcdef0:1' },
  subnets: ['subnet-0123456789abcdef0:eu-west-1a'],
};

/** What the functions of Lambda bring may be left to them or bundled; either way it has to stay small. */
const gzippedBytesMax = 120_000;

const openWith = (environment: Record<string, string>) =>
  opener.open({
    settings,
    deployment: 'own1' as DeploymentPrefix,
    clock: createVirtualClock(0),
    random: () => 0.5,
    environment,
  });

describe('the opener of hosts on EC2', () => {
  test('opens a host by what the infrastructure made, and calls nobody for it', () => {
    const host = openWith({ EC2_EC2: JSON.stringify(made) });
    assert.deepEqual(host.traits, opener.traits(settings));
    assert.equal(host.traits.configuration, 'claimed');
    assert.equal(host.traits.standby, true);
  });

  test('says what is missing where it is not told what was made', () => {
    assert.throws(() => openWith({}), /variable EC2_EC2 is not set\. Remedy: deploy again/);
  });

  test('brings no CDK, no stand-in and no boot script into a function, and stays small', async () => {
    const { metafile, outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('./ec2.ts', import.meta.url))],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      external: ['@aws-sdk/*', '@smithy/*'],
      logLevel: 'silent',
    });
    const unwanted = /node_modules\/(aws-cdk-lib|constructs)\/|hosts\/ec2\/(testing|boot|infrastructure)/;
    assert.deepEqual(
      Object.keys(metafile.inputs).filter((path) => unwanted.test(path)),
      [],
    );
    const bytes = gzipSync(outputFiles[0]?.contents ?? '').length;
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes gzipped, without the SDK`);
  });
});
