// Documents signed by keys of the test's own, in the form that the metadata service gives them: made by openssl, which
// AWS names for checking them. What is changed by a single byte anywhere must not pass.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPublicKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { checkIdentity, type IdentityQuestion } from './identity-document.ts';
import { identityKeys } from './identity-keys.ts';

const account = '123456789012';
const region = 'eu-west-1';
const now = Date.UTC(2026, 10, 20, 12);
const hourMs = 3_600_000;

const document = {
  accountId: account,
  architecture: 'x86_64',
  availabilityZone: 'eu-west-1a',
  billingProducts: null,
  devpayProductCodes: null,
  marketplaceProductCodes: null,
  imageId: 'ami-0123456789abcdef0',
  instanceId: 'i-0123456789abcdef0',
  instanceType: 'm7i.large',
  kernelId: null,
  pendingTime: '2026-11-20T11:59:00Z',
  privateIp: '10.0.0.7',
  ramdiskId: null,
  region,
  version: '2017-09-30',
};

describe("a machine's identity document", () => {
  let folder = '';
  let certificate = '';
  let strangers = '';

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'identity-'));
    certificate = makeKey('own');
    strangers = makeKey('stranger');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  function openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  }

  function makeKey(name: string): string {
    openssl(
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-subj', `/O=${name}`],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`],
    );
    return readFileSync(join(folder, `${name}.pem`), 'utf8');
  }

  /** `-noattr`: signed is the content itself; AWS signs attributes of it. */
  function sign(content: string, { by = 'own', options = [] as string[] } = {}): string {
    writeFileSync(join(folder, 'document'), content);
    openssl(
      ...['smime', '-sign', '-binary', '-nodetach', '-md', 'sha256', '-in', 'document', '-outform', 'DER'],
      ...['-signer', `${by}.pem`, '-inkey', `${by}.key`, '-out', 'signature', ...options],
    );
    return readFileSync(join(folder, 'signature')).toString('base64');
  }

  const ask = (signature: string, changed: Partial<IdentityQuestion> = {}) =>
    checkIdentity({ signature, account, region, now, ageMsMax: hourMs, certificate, ...changed });

  const why = (signature: string, changed: Partial<IdentityQuestion> = {}) => {
    const answer = ask(signature, changed);
    return answer.outcome === 'refused' ? answer.why : 'proven';
  };

  test('proves which machine it is, with signed attributes or without', () => {
    const proven = {
      outcome: 'proven',
      instanceId: 'i-0123456789abcdef0',
      pendingAt: Date.UTC(2026, 10, 20, 11, 59),
      instanceType: 'm7i.large',
      zone: 'eu-west-1a',
    };
    const text = JSON.stringify(document, null, 2);
    assert.deepEqual(ask(sign(text)), proven);
    assert.deepEqual(ask(sign(text, { options: ['-noattr'] })), proven);
    assert.deepEqual(ask(sign(text, { options: ['-nocerts'] })), proven);
    const pieces = sign(text, { options: ['-stream'] });
    assert.ok(pieces.startsWith('MIAGCSqGSIb3DQEHAqCAMIACAQEx'), 'lengths are not told, as EC2 writes them');
    assert.deepEqual(ask(pieces), proven);
    const lines = sign(text).replace(/.{64}/g, '$&\n');
    assert.deepEqual(ask(lines), proven, 'as the metadata service breaks it into lines');
  });

  test('is refused where another key signed it, whatever certificate it brings along', () => {
    const signature = sign(JSON.stringify(document), { by: 'stranger' });
    assert.equal(why(signature), 'the signature is not of the region');
    assert.equal(why(signature, { certificate: strangers }), 'proven');
    assert.equal(why(signature, { certificate: undefined }), 'the signature is not of the region');
  });

  test('is refused where a byte of it is changed, wherever, and never throws', () => {
    for (const stream of [[], ['-stream']]) {
      const bytes = Buffer.from(
        sign(JSON.stringify(document), { options: ['-nocerts', ...stream] }),
        'base64',
      );
      for (let at = 0; at < bytes.length; at += 1) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0x01;
        const answer = ask(changed.toString('base64'));
        // Bytes that nothing depends on (a version, who the signer says that he is) may differ: the document must not.
        if (answer.outcome === 'proven') assert.equal(answer.instanceId, document.instanceId);
      }
      for (let length = 0; length < bytes.length; length += 7)
        assert.notEqual(why(bytes.subarray(0, length).toString('base64')), 'proven');
      assert.notEqual(why(Buffer.concat([bytes, Buffer.from([0])]).toString('base64')), 'proven');
    }
  });

  test('is refused where its content was exchanged under good attributes', () => {
    const signed = Buffer.from(sign(JSON.stringify(document)), 'base64');
    const at = signed.indexOf('i-0123456789abcdef0');
    assert.ok(at > 0);
    signed.write('i-00000000000000bad', at);
    assert.equal(why(signed.toString('base64')), 'what is signed is another document');
    const bare = Buffer.from(sign(JSON.stringify(document), { options: ['-noattr'] }), 'base64');
    bare.write('i-00000000000000bad', bare.indexOf('i-0123456789abcdef0'));
    assert.equal(why(bare.toString('base64')), 'the signature is not of the region');
  });

  test('is refused of another account, another region, and another time', () => {
    const signed = (changed: object) => sign(JSON.stringify({ ...document, ...changed }));
    assert.equal(why(signed({ accountId: '999999999999' })), 'it is a machine of another account');
    assert.equal(why(signed({ region: 'eu-west-2' })), 'it is a machine of another region');
    assert.equal(
      why(signed({ pendingTime: '2026-11-20T10:00:00Z' })),
      'the machine was started too long ago',
    );
    assert.equal(
      why(signed({ pendingTime: '2026-11-20T12:10:00Z' })),
      'the machine was started in the future',
    );
    assert.equal(why(signed({ instanceId: 'x' })), 'what is signed is not an identity document');
    assert.equal(why(sign('no JSON')), 'what is signed is not an identity document');
  });

  test('is refused in other forms: text, too long, weaker digests, two signers', () => {
    assert.equal(why('<xml>'), 'the signature is not base64');
    assert.equal(why('A'.repeat(10_000)), 'the signature is too long');
    const text = JSON.stringify(document);
    assert.equal(
      why(sign(text, { options: ['-md', 'sha1'] })),
      'the signature is of another kind than SHA-256',
    );
    const two = sign(text, { options: ['-nocerts', '-signer', 'stranger.pem', '-inkey', 'stranger.key'] });
    assert.match(why(two), /2 signers/);
  });

  test('of a region that is not known says what to do', () => {
    assert.match(why(sign('{}'), { region: 'xx-new-1', certificate: undefined }), /identityCertificate/);
    assert.match(why(sign('{}'), { region: 'constructor', certificate: undefined }), /identityCertificate/);
  });

  test('is checked against keys of AWS that are whole: RSA of 2048 bits, each region its own', () => {
    const regions = Object.entries(identityKeys);
    assert.ok(regions.length >= 31);
    for (const [name, { key, fingerprint }] of regions) {
      const read = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' });
      assert.equal(read.asymmetricKeyType, 'rsa', name);
      assert.equal(read.asymmetricKeyDetails?.modulusLength, 2048, name);
      assert.match(fingerprint, /^[0-9a-f]{64}$/);
    }
    assert.equal(new Set(regions.map(([, { key }]) => key)).size, regions.length);
  });
});
