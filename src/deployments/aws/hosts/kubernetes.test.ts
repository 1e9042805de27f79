import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { demandConfiguration } from '../../../config/check.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import { bundleFunctions } from '../bundle.ts';
import type { HostOpener } from '../host-opener.ts';
import { bundledOpener, openerOf } from '../testing-openers.ts';
import * as kubernetes from './kubernetes.ts';

const opener: HostOpener = kubernetes;
const settings: HostSettings = {
  ...{ name: 'pods' as HostName, type: 'kubernetes', limit: 3, launchBurst: 5, launchesPerSecond: 2 },
  options: { auth: { kind: 'eks', cluster: 'production' } },
};

/** Smaller than a function's own code. */
const gzippedBytesMax = 120_000;

const openWith = openerOf(opener, settings);

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

  test('has a function beside it that sets each such host up, with little in it', async () => {
    const outDirectory = mkdtempSync(join(tmpdir(), 'set-up-'));
    try {
      const { configuration } = demandConfiguration({
        hosts: {
          pods: { type: 'kubernetes', limit: 3, options: settings.options },
          lab: {
            type: 'simulated',
            limit: 3,
            options: { url: 'http://127.0.0.1:1', token: 'the token of a test' },
          },
        },
        pools: {
          lint: { host: 'pods', os: 'linux', labels: ['lint'], limit: 3 },
          sim: { host: 'lab', os: 'linux', labels: ['sim'], limit: 3 },
        },
      });
      const bundles = await bundleFunctions({
        ...{ configuration, outDirectory, sdk: 'runtime', secretsStore: 'secretsManager', kinds: ['setUp'] },
      });
      assert.deepEqual(
        bundles.map(({ name, host }) => [name, host]),
        [['setUp-pods', 'pods']],
      );
      const [bundle] = bundles;
      assert.ok(bundle);
      const unwanted =
        /aws-cdk-lib|@kubernetes|hosts\/kubernetes\/(launch|watch|infrastructure|connect\/kubeconfig)/;
      assert.deepEqual(
        Object.keys(bundle.metafile.inputs).filter((path) => unwanted.test(path)),
        [],
      );
      assert.ok(bundle.zippedBytes < gzippedBytesMax, `${bundle.zippedBytes} bytes`);
    } finally {
      rmSync(outDirectory, { recursive: true });
    }
  });

  test('brings no kubeconfig client into a function, and little else', async () => {
    const { inputs, gzippedBytes: bytes } = await bundledOpener('kubernetes');
    assert.deepEqual(
      inputs.filter((path) => /@kubernetes|undici|connect\/kubeconfig/.test(path)),
      [],
    );
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes`);
  });
});
