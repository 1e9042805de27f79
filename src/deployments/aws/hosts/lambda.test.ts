import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { HostSettings } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import { bundledOpener, openerOf } from '../testing-openers.ts';
import * as lambda from './lambda.ts';

const opener: HostOpener = lambda;
const settings: HostSettings = {
  ...{ name: 'fn' as HostName, type: 'lambda', limit: 3, launchBurst: 5, launchesPerSecond: 2 },
  options: {},
};

/** Smaller than a function's own code. */
const gzippedBytesMax = 40_000;

const openWith = openerOf(opener, settings);

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
    const { inputs, gzippedBytes: bytes } = await bundledOpener('lambda');
    assert.deepEqual(
      inputs.filter((path) =>
        /aws-cdk|constructs|\/testing|infrastructure|hosts\/(?!lambda)\w+\//.test(path),
      ),
      [],
    );
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes`);
  });
});
