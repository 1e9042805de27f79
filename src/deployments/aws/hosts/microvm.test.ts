import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HostSettings } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import { bundledOpener, openerOf } from '../testing-openers.ts';
import * as microvm from './microvm.ts';

const opener: HostOpener = microvm;
const settings: HostSettings = {
  ...{ name: 'vm' as HostName, type: 'microvm', limit: 3, launchBurst: 5, launchesPerSecond: 5, options: {} },
};
const made = {
  imagePrefix: 'arn:aws:lambda:eu-west-1:123456789012:microvm-image:github-runners_vm_',
  pools: { build: '1.0/22500/0' },
  ingress: 'arn:in',
  egress: 'arn:out',
};

/** Without the SDK, which is within a bundle or Lambda's own. */
const gzippedBytesMax = 120_000;

const openWith = openerOf(opener, settings);

describe('the opener of hosts on MicroVMs', () => {
  test('opens a host by what the infrastructure made, and calls nobody for it', () => {
    const host = openWith({ MICROVM_VM: JSON.stringify(made) });
    assert.deepEqual(host.traits, opener.traits(settings));
    assert.equal(host.traits.configuration, 'claimed');
    assert.equal(host.traits.standby, true);
    assert.equal('identify' in opener, false, 'its machines have tokens');
  });

  test('says what is missing where it is not told what was made', () => {
    assert.throws(() => openWith({}), /variable MICROVM_VM is not set\. Remedy: deploy again/);
    const other = { ...made, pools: { build: 'latest' } };
    assert.throws(() => openWith({ MICROVM_VM: JSON.stringify(other) }), /is not as it was deployed/);
  });

  test('brings no CDK, no stand-in and no program of the image into a function, and stays small', async () => {
    const { inputs, gzippedBytes: bytes } = await bundledOpener('microvm');
    const unwanted =
      /node_modules\/(aws-cdk-lib|constructs|esbuild)\/|hosts\/microvm\/(testing|image|infrastructure)/;
    assert.deepEqual(
      inputs.filter((path) => unwanted.test(path)),
      [],
    );
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes gzipped, without the SDK`);
  });
});
