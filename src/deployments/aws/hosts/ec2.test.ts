import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { poolSettings } from '../../../../test/fixtures/books.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { HostOpener } from '../host-opener.ts';
import { bundledOpener, openerOf } from '../testing-openers.ts';
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
  stack: 'own',
  templates: { build: 'lt-0123456789abcdef0:1' },
  subnets: ['subnet-0123456789abcdef0:eu-west-1a'],
};

/** What the functions of Lambda bring may be left to them or bundled; either way it has to stay small. */
const gzippedBytesMax = 120_000;

const openWith = openerOf(opener, settings);

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
    const { inputs, gzippedBytes: bytes } = await bundledOpener('ec2');
    const unwanted = /node_modules\/(aws-cdk-lib|constructs)\/|hosts\/ec2\/(testing|boot|infrastructure)/;
    assert.deepEqual(
      inputs.filter((path) => unwanted.test(path)),
      [],
    );
    assert.ok(bytes < gzippedBytesMax, `${bytes} bytes gzipped, without the SDK`);
  });

  test('knows a machine by the document that is signed for it, in this account and region alone', () => {
    const folder = mkdtempSync(join(tmpdir(), 'identity-'));
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
    try {
      openssl(
        ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/O=test'],
        ...['-keyout', 'key', '-out', 'certificate'],
      );
      const now = Date.UTC(2026, 10, 20, 12);
      const account = '123456789012';
      const region = 'eu-west-1';
      const instanceId = 'i-0123456789abcdef0';
      const facts = { accountId: account, region, instanceId, instanceType: 'm7i.large' };
      const document = { ...facts, availabilityZone: 'eu-west-1a', pendingTime: '2026-11-20T11:59:00Z' };
      writeFileSync(join(folder, 'document'), JSON.stringify(document));
      openssl(
        ...['smime', '-sign', '-binary', '-nodetach', '-md', 'sha256', '-in', 'document', '-outform', 'DER'],
        ...['-signer', 'certificate', '-inkey', 'key', '-out', 'signature'],
      );
      const identity = readFileSync(join(folder, 'signature')).toString('base64');
      const identityCertificate = readFileSync(join(folder, 'certificate'), 'utf8');
      const pools = [poolSettings('build')];
      const given = {
        settings: { ...settings, options: { identityCertificate } },
        pools,
        account,
        region,
        now,
      };
      const whyNot = (change: Partial<typeof given>) => {
        const identified = ec2.identify(identity, { ...given, ...change });
        return 'why' in identified ? identified.why : 'proven';
      };
      assert.deepEqual(ec2.identify(identity, given), { machine: instanceId });
      assert.equal(whyNot({ account: '210987654321' }), 'it is a machine of another account');
      assert.equal(whyNot({ region: 'eu-west-2' }), 'it is a machine of another region');
      const ofAws = { settings: { ...settings, options: {} } } as unknown as typeof given;
      assert.equal(whyNot(ofAws), 'the signature is not of the region', 'signed by the key of AWS alone');
      const later = { now: now + 30 * 24 * 3_600_000 };
      assert.equal(whyNot(later), 'the machine was started too long ago', 'none of a job lives so long');
      const spares = [{ ...poolSettings('build'), spares: 1 }];
      assert.equal(whyNot({ ...later, pools: spares }), 'proven', 'a spare may');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
