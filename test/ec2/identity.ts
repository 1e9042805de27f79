// Identity documents as EC2 signs them, by a key of the test's own; openssl makes them.

import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EpochMs } from '../../src/ports/clock.ts';

export const account = '123456789012';
export const region = 'eu-west-1';

export interface Signer {
  /** PEM, for the host's `identityCertificate`. */
  certificate: string;
  /** As the metadata service gives it: base64, in lines. */
  sign(about: { instance: string; type: string; zone: string; startedAt: EpochMs }): Promise<string>;
  close(): void;
}

/** Documents of machines in this account and region. */
export function createSigner(place = { account, region }): Signer {
  const folder = mkdtempSync(join(tmpdir(), 'runners-identity-'));
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-subj', '/O=test'],
      ...['-keyout', 'own.key', '-out', 'own.pem'],
    ],
    { cwd: folder, stdio: 'pipe' },
  );
  const made = new Map<string, Promise<string>>();
  return {
    certificate: readFileSync(join(folder, 'own.pem'), 'utf8'),
    sign(about) {
      const document = JSON.stringify({
        accountId: place.account,
        availabilityZone: about.zone,
        instanceId: about.instance,
        instanceType: about.type,
        pendingTime: `${new Date(about.startedAt).toISOString().slice(0, 19)}Z`,
        region: place.region,
        version: '2017-09-30',
      });
      const known = made.get(document) ?? openssl(folder, document);
      made.set(document, known);
      return known;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function openssl(cwd: string, document: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const args = [
      ...['smime', '-sign', '-binary', '-nodetach', '-md', 'sha256', '-outform', 'DER'],
      ...['-signer', 'own.pem', '-inkey', 'own.key'],
    ];
    const child = execFile('openssl', args, { cwd, encoding: 'buffer' }, (error, signed) => {
      if (error) reject(error);
      else resolve(signed.toString('base64').replace(/.{64}/g, '$&\n'));
    });
    child.stdin?.end(document);
  });
}
