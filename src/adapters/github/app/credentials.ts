// The App's private key, as people hand it over: the PEM itself (also on one line with `\n` written out, as
// environment files do), base64 of the PEM (as secret stores that take one line do), or the path of a file that
// holds either. No error here quotes what was given, unless it can only be a path.

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

/** Gives the PEM, checked: an RSA key that can sign, as GitHub makes them. */
export function readPrivateKey(given: string): string {
  const text = given.trim();
  if (text === '') throw new Error(`The App's private key is empty. ${remedy}`);
  const pem = pemOf(text) ?? pemOf(readKeyFile(text));
  if (pem === null) {
    throw new Error(`The file of the App's private key (${described(text)}) holds no PEM. ${remedy}`);
  }
  signingKey(pem);
  return pem;
}

/** A `KeyObject` shows nothing of the key when it is printed or serialised; the PEM would. */
export function signingKey(pem: string): KeyObject {
  const key = parsed(pem);
  if (key?.asymmetricKeyType !== 'rsa') {
    const what = key === null ? unreadable(pem) : `an ${key.asymmetricKeyType} key, and GitHub signs by RSA`;
    throw new Error(`The App's private key is ${what}. ${remedy}`);
  }
  return key;
}

const remedy =
  "Give the PEM that GitHub's page of the App makes under “Private keys”, base64 of it, or the path of its file.";

/** A 4,096 bit key is 3.2 KB as PEM; what is far longer is another file, given by mistake. */
const keyFileBytesMax = 65_536;

function pemOf(text: string): string | null {
  if (text.includes('-----BEGIN')) return `${text.replaceAll('\\n', '\n').trim()}\n`;
  if (!/^[A-Za-z0-9+/=\s]+$/.test(text)) return null;
  const decoded = Buffer.from(text, 'base64').toString('utf8');
  return decoded.includes('-----BEGIN') ? `${decoded.trim()}\n` : null;
}

function readKeyFile(path: string): string {
  const bytes = Buffer.alloc(keyFileBytesMax);
  let length: number;
  try {
    const file = openSync(path, 'r');
    try {
      length = readSync(file, bytes, 0, keyFileBytesMax, 0);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    // The error of the file system quotes the path, which may be a mangled key: only its code is passed on.
    throw unreadableFile(path, error);
  }
  return bytes.subarray(0, length).toString('utf8').trim();
}

function unreadableFile(path: string, error: unknown): Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return new Error(
    `The App's private key is neither a PEM nor base64 of one, and as a path (${described(path)}) it can't be ` +
      `read: ${code}. ${remedy}`,
  );
}

/** Base64 has neither dots nor dashes; whatever might be a piece of a key is told by its length alone. */
function described(path: string): string {
  const isSurelyPath = path.length <= 255 && /[.-]/.test(path) && !/\s|-----/.test(path);
  return isSurelyPath ? path : `${path.length} characters`;
}

function parsed(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null; // OpenSSL's reason says nothing that helps, so the caller looks at the PEM itself
  }
}

function unreadable(pem: string): string {
  if (/ENCRYPTED/.test(pem)) return 'encrypted with a passphrase, which is not supported';
  if (/BEGIN (?:RSA )?PUBLIC KEY|BEGIN CERTIFICATE/.test(pem)) return 'not a private key but a public one';
  if (!pem.includes('-----END')) return 'cut: its last line, `-----END …-----`, is missing';
  return 'damaged: it begins and ends as a PEM, but what is between can not be read';
}
