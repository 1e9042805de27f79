// The real GitHub: github.com or an Enterprise Server, through one GitHub App.
//
// One file per noun of the API (`runners`, `jobs`, `runs`, `deliveries`, `installations`) says which routes are asked and
// what their answers mean. How a request is made, and when it must not be, is in `requests.ts`.

import { z } from 'zod';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { GitHub } from '../../../ports/github.ts';
import { type AppFacts, readApp } from './app-facts.ts';
import { signingKey } from './credentials.ts';
import { createDeliveries } from './deliveries.ts';
import { createHook, type Hook } from './hook.ts';
import { createInstallations } from './installations.ts';
import { createJobs } from './jobs.ts';
import { appToken } from './jwt.ts';
import { createMeta } from './meta.ts';
import { createRequests, demand, type RequestMade, type Requests } from './requests.ts';
import { createRunnerGroups } from './runner-groups.ts';
import { createRunners } from './runners.ts';
import { createRuns } from './runs.ts';
import { createTokens, type Tokens } from './tokens.ts';

export type { AppFacts } from './app-facts.ts';
export type { RequestMade } from './requests.ts';

export interface GitHubApp extends GitHub, Hook {
  /** What GitHub knows of the App itself. One GET. */
  readApp(): Promise<AppFacts>;
}

export interface GitHubAppOptions {
  /** The App's id, or its client id. */
  appId: string;
  /** PEM; `readPrivateKey` makes it of what people hand over. */
  privateKey: string;
  /** `https://api.github.com`, or `https://<server>/api/v3` for an Enterprise Server. */
  apiUrl: string;
  clock: Clock;
  random: Random;
  /**
   * Sends the requests. Node's own honours `NODE_USE_ENV_PROXY` with `HTTPS_PROXY`, and `NODE_EXTRA_CA_CERTS`; a
   * deployment that needs another proxy or CA hands one in.
   */
  fetch?: typeof globalThis.fetch;
  /** Told of each request when its answer, or none, has come. */
  onRequest?: (made: RequestMade) => void;
  /** For each request, with its wait for a slot. */
  timeoutMs?: number;
}

/** GitHub itself gives up after 10 s. */
const defaultTimeoutMs = 10_000;

export function createGitHubApp(options: GitHubAppOptions): GitHubApp {
  const { appId, clock, random } = options;
  const key = signingKey(options.privateKey);
  const tokens: Tokens = createTokens(clock, (installation) => askToken(requests, installation));
  const requests: Requests = createRequests({
    apiUrl: checkedUrl(options.apiUrl),
    userAgent: 'ephemeral-runners',
    clock,
    random,
    timeoutMs: options.timeoutMs ?? defaultTimeoutMs,
    fetch: options.fetch ?? globalThis.fetch,
    onRequest: options.onRequest ?? (() => {}),
    appToken: () => appToken(appId, key, clock.now()),
    tokens,
  });
  return {
    ...createRunners(requests, createRunnerGroups(clock, requests)),
    ...createJobs(requests, random),
    ...createRuns(requests),
    ...createDeliveries(requests),
    ...createInstallations(requests),
    ...createMeta(requests),
    ...createHook(requests),
    rateLeft: requests.rateLeft,
    readApp: () => readApp(requests),
  };
}

const tokenSchema = z.object({
  token: z.string().min(1),
  expires_at: z.iso.datetime({ offset: true }).transform((text) => Date.parse(text)),
});

async function askToken(requests: Requests, installation: number) {
  const { data } = await demand(requests, {
    caller: 'app',
    route: 'POST /app/installations/{installation_id}/access_tokens',
    parameters: { installation_id: installation },
    reads: tokenSchema,
    tokenOf: installation,
  });
  return { text: data.token, expiresAt: data.expires_at };
}

function checkedUrl(apiUrl: string): string {
  const url = URL.canParse(apiUrl) ? new URL(apiUrl) : null;
  const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
  if (!url || !isHttp || url.search || url.hash || url.username || url.password) {
    throw new Error(
      "The URL of GitHub's API is not one. It must be https://api.github.com, or https://<server>/api/v3 for an " +
        'Enterprise Server, with no name, password or query in it.',
    );
  }
  return url.href.replace(/\/+$/, '');
}
