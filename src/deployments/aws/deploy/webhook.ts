// The App's webhook: pointed at what was deployed, and tried with a signed `ping` of our own, which takes the way that
// GitHub's events take — the HTTP API, the function, its secret — and changes nothing.

import { createHmac } from 'node:crypto';
import type { GitHubApp } from '../../../adapters/github/app/index.ts';
import type { Clock } from '../../../ports/clock.ts';
import { foreignAddress } from '../hook-addresses.ts';
import type { Place } from './place.ts';

export type Tried =
  /** `isSecretTried`: not where webhooks are taken from GitHub's addresses alone, and this is another. */
  { answered: true; isSecretTried: boolean } | { answered: false; why: string };

/** Refused for where it comes from: all is there, up to the function itself, and nothing more can be known from here. */
const foreign = Symbol('foreign');

/** A new stage of the HTTP API is there within seconds, a changed secret is read again within one minute. */
const tryMsMax = 90_000;
const betweenTriesMs = 3_000;
const answerMsMax = 10_000;

/** Answers what the URL was before; the secret can not be compared, so it is always told. */
export async function pointWebhook(
  github: Pick<GitHubApp, 'readHookUrl' | 'setHook'>,
  change: { url: string; secret: string },
): Promise<string | null> {
  const before = await github.readHookUrl();
  await github.setHook(change);
  return before;
}

export async function tryWebhook(
  url: string,
  secret: string,
  deps: { clock: Clock; fetch: typeof globalThis.fetch; signal: AbortSignal },
): Promise<Tried> {
  const { clock, signal } = deps;
  const startedAt = clock.now();
  for (;;) {
    const why = await ping(url, secret, deps.fetch);
    if (why === null || why === foreign) return { answered: true, isSecretTried: why === null };
    if (signal.aborted || clock.now() - startedAt >= tryMsMax) return { answered: false, why };
    await clock.sleep(betweenTriesMs);
  }
}

/** Why it did not go well; `null` where it did. */
async function ping(
  url: string,
  secret: string,
  send: typeof globalThis.fetch,
): Promise<string | typeof foreign | null> {
  const body = JSON.stringify({ zen: 'Asked by the deployment itself.' });
  const signature = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  try {
    const response = await send(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': 'ping',
        'x-hub-signature-256': signature,
      },
      body,
      signal: AbortSignal.timeout(answerMsMax),
    });
    const answer = await response.text();
    if (response.ok) return null;
    if (response.status === 403 && answer.includes(foreignAddress)) return foreign;
    if (response.status === 401)
      return '401: the function does not know the secret, or has not read it again yet';
    return `it answers ${response.status}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/**
 * An HTTP API of an emulator has a name that no DNS knows; the emulator takes the same request at a path of its own.
 * At AWS the URL is as it is.
 */
export function reachableUrl(url: string, { isEmulator, endpoint }: Place): string {
  const { hostname, pathname } = new URL(url);
  const api = /^(?<id>[a-z0-9]+)\.execute-api\./.exec(hostname)?.groups?.['id'];
  if (!isEmulator || endpoint === null || api === undefined) return url;
  return `${endpoint.replace(/\/+$/, '')}/_aws/execute-api/${api}/$default${pathname}`;
}
