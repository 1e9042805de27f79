import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { readPrivateKey, signingKey } from './credentials.ts';
import { testPrivateKey } from './testing.ts';

describe('the App’s private key', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const pem = testPrivateKey();

  test('a key may be given as PEM, on one line, as base64, or as the path of a file with either', () => {
    const file = join(folder, 'app.private-key.pem');
    writeFileSync(file, pem);
    const base64File = join(folder, 'app.base64');
    writeFileSync(base64File, `${Buffer.from(pem).toString('base64')}\n`);
    const wrapped = Buffer.from(pem).toString('base64').replace(/.{76}/g, '$&\n');
    const pkcs8 = createPrivateKey(pem).export({ type: 'pkcs8', format: 'pem' }).toString();
    const given = [
      pem,
      `\n  ${pem}\n`,
      pem.replaceAll('\n', '\\n'),
      pem.replaceAll('\n', '\r\n'),
      Buffer.from(pem).toString('base64'),
      wrapped,
      file,
      base64File,
      pkcs8,
    ];
    for (const text of given) {
      const read = createPrivateKey(readPrivateKey(text));
      assert.deepEqual(read.export({ type: 'pkcs1', format: 'pem' }), pem);
    }
  });

  test('a key that can not be used is refused with the reason, and nothing of it is shown', () => {
    const body = pem.split('\n').slice(1, -2);
    const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    const rsa = createPrivateKey(pem);
    const encrypted = rsa.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' });
    const ofOtherKind = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const cases: [string, RegExp][] = [
      ['', /is empty/],
      ['-----BEGIN RSA PRIVATE KEY-----', /is cut/],
      [pem.replace(body[3] ?? '', '!!!!'), /is damaged/],
      [ec.toString(), /an ec key/],
      [encrypted.toString(), /encrypted with a passphrase/],
      [ofOtherKind.export({ type: 'spki', format: 'pem' }).toString(), /a public one/],
      [body.join(''), /\d+ characters.*E[A-Z]+\b/],
      [body[0] ?? '', /64 characters.*E[A-Z]+\b/],
      ['./no-such-file.pem', /\.\/no-such-file\.pem.*ENOENT/],
      [tmpdir(), /EISDIR/],
    ];
    for (const [given, reason] of cases) {
      assert.throws(
        () => readPrivateKey(given),
        (error) => {
          const shown = inspect(error);
          assert.match(shown, reason);
          assert.match(shown, /Give the PEM/);
          for (const line of body) assert.ok(!shown.includes(line), 'a line of the key was shown');
          return true;
        },
      );
    }
  });

  test('a file without a key is named', () => {
    const file = join(folder, 'notes.txt');
    writeFileSync(file, 'hello, world');
    assert.throws(() => readPrivateKey(file), new RegExp(`${file}.*holds no PEM`));
  });

  test('a key that is ready to sign shows nothing of itself', () => {
    const key = signingKey(pem);
    const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key);
    for (const line of pem.split('\n').slice(1, -2)) assert.ok(!shown.includes(line));
  });
});
