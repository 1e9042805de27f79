// The App's own proof to GitHub: a JSON web token signed by its private key. It opens the App's own routes, and
// the one that gives installation tokens; all else goes by those.

import { type KeyObject, sign } from 'node:crypto';
import type { EpochMs } from '../../../ports/clock.ts';

/** Issued "before" now, so that a GitHub whose clock is a little behind ours takes it: GitHub's own advice. */
const backdatedSeconds = 60;
/** GitHub refuses an expiry more than 10 minutes ahead of its own clock, so one minute is left for ours. */
const lifetimeSeconds = 9 * 60;

export function appToken(appId: string, key: KeyObject, now: EpochMs): string {
  const nowSeconds = Math.floor(now / 1000);
  const claims = {
    iat: nowSeconds - backdatedSeconds,
    exp: nowSeconds + lifetimeSeconds,
    // An App's id is a number, its client id (which GitHub takes too) is text.
    iss: /^\d+$/.test(appId) ? Number(appId) : appId,
  };
  const content = `${encoded({ alg: 'RS256', typ: 'JWT' })}.${encoded(claims)}`;
  return `${content}.${sign('RSA-SHA256', Buffer.from(content), key).toString('base64url')}`;
}

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}
