import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { createVirtualClock } from '../../../adapters/clock/virtual/index.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { DeploymentPrefix, HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import { lean } from '../lean.ts';
import * as kubernetes from './kubernetes.ts';

const opener: HostOpener = kubernetes;
const settings: HostSettings = {
  ...{ name: 'pods' as HostName, type: 'kubernetes', limit: 3, launchBurst: 5, launchesPerSecond: 2 },
  options: { auth: { kind: 'eks', cluster: 'production' } },
};

/** Smaller than a function's own code. */
const gzippedBytesMax = 120_000;

const openWith = (environment: Record<string, string>) =>
  opener.open({
    settings,
    deployment: 'own1' as DeploymentPrefix,
    clock: createVirtualClock(0),
    random: () => 0.5,
    environment,
  });

describe('the opener of hosts on Kubernetes', () => {
  test('opens a host by what the infrastructure made, and calls nobody for it', () => {
    const role = 'arn:aws:iam::123456789012:role/access';
    const host = openWith({ KUBERNETES_PODS: JSON.stringify({ cluster: 'production', role }) });
    assert.deepEqual(host.traits, opener.traits(settings));
    assert.equal(host.traits.standby, false);
  });

  test('says which variable is missing', () => {
    assert.throws(() => openWith({}), /KUBERNETES_PODS is missing.*Remedy/);
  });

  test('brings no kubeconfig client into a function, and little else', async () => {
    const { metafile, outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('./kubernetes.ts', import.meta.url))],
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
      inputs.filter((path) => /@kubernetes|undici|connect\/kubeconfig/.test(path)),
      [],
    );
    const [code] = outputFiles;
    const bytes = gzipSync(code?.contents ?? '').byteLength;
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes`);
  });
});
