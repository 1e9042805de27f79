// The last guard before a line is written. Nothing is meant to hand a secret to a log; an error of a library may.

/** A shorter one would be found in ordinary words. */
const secretLengthMin = 8;
/** Nothing longer is looked through: it is cut far below this anyway. */
const textLengthMax = 64 * 1024;

/**
 * Looks that tell a secret: keys in PEM, GitHub's tokens by their prefixes, signed tokens (three parts of base64url, of
 * which the first begins as an encoded `{"`).
 */
const looks = [
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
  /\b(?:gh[a-z]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})/g,
  /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g,
];

export function createRedact(secrets: () => readonly string[]): (text: string) => string {
  return (text) => {
    let clean = text.slice(0, textLengthMax);
    for (const secret of secrets())
      if (secret.length >= secretLengthMin) clean = clean.replaceAll(secret, '[secret]');
    for (const look of looks) clean = clean.replace(look, '[secret]');
    return clean;
  };
}
