// How the App proves who it is: a JWT signed with its private key, checked against its public one, with GitHub's
// own sentences for what is wrong with it.

import { createPublicKey, verify } from 'node:crypto';
import { z } from 'zod';

/** GitHub: "no more than 10 minutes into the future". */
const lifetimeSecondsMax = 600;
/** Clocks may differ a little. */
const skewSeconds = 60;

const claims = z.object({
  iat: z.int(),
  exp: z.int(),
  iss: z.union([z.int(), z.string().max(64)]).transform(String),
});

export type JwtCheck = { isValid: true } | { isValid: false; status: 401 | 404; message: string };

export function createJwtCheck(publicKeyPem: string, appId: number) {
  const key = createPublicKey(publicKeyPem);

  return (jwt: string, nowMs: number): JwtCheck => {
    const [header = '', payload = '', signature = ''] = jwt.split('.');
    const signed = Buffer.from(`${header}.${payload}`);
    const { alg } = parse(header);
    if (alg !== 'RS256' || !verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) {
      return refuse('A JSON web token could not be decoded');
    }
    const read = claims.safeParse(parse(payload));
    if (!read.success) return refuse("Missing 'issuer' claim ('iss') in assertion");
    const { iat, exp, iss } = read.data;
    const now = nowMs / 1_000;
    if (exp <= now) {
      return refuse(
        "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
      );
    }
    if (exp - now > lifetimeSecondsMax + skewSeconds || exp - iat > lifetimeSecondsMax + skewSeconds) {
      return refuse("'Expiration time' claim ('exp') is too far in the future");
    }
    if (iat > now + skewSeconds) {
      return refuse(
        "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
      );
    }
    if (iss !== String(appId)) return { isValid: false, status: 404, message: 'Integration not found' };
    return { isValid: true };
  };
}

function refuse(message: string): JwtCheck {
  return { isValid: false, status: 401, message };
}

function parse(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
