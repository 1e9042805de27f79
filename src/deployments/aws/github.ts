// GitHub through the App, for the functions that need it. The App's key is read when the first call is made, so that a
// function which turns out not to need GitHub never asks for it; a key that was changed makes a new App.

import { createGitHubApp, type GitHubApp } from '../../adapters/github/app/index.ts';
import type { GitHub } from '../../ports/github.ts';
import { tellRequest } from '../github-requests.ts';
import type { Environment } from './environment.ts';
import type { World } from './ports.ts';
import { appSecret, createSecret } from './secrets.ts';
import { createSecretReader } from './secrets-manager.ts';

export interface GitHubSettings {
  /** For each request. It has to be over, with what follows it, before the function is killed. */
  timeoutMs: number;
}

export function openGitHub(
  world: World,
  environment: Pick<Environment, 'APP_SECRET_ARN' | 'GITHUB_API_URL'>,
  { timeoutMs }: GitHubSettings,
): GitHub {
  const { clock, random, telemetry } = world;
  const readText = createSecretReader();
  const secret = createSecret({
    fetchText: () => readText(environment.APP_SECRET_ARN),
    schema: appSecret,
    name: environment.APP_SECRET_ARN,
    clock,
    telemetry,
  });
  let opened: { key: string; app: GitHubApp } | null = null;

  async function app(): Promise<GitHubApp> {
    const { appId, privateKey } = await secret.read();
    const key = `${appId} ${privateKey}`;
    if (opened?.key !== key) {
      const apiUrl = environment.GITHUB_API_URL;
      const made: GitHubApp = createGitHubApp({
        ...{ appId, privateKey, apiUrl, clock, random, timeoutMs },
        onRequest: (request) => tellRequest(telemetry, request, made.rateLeft),
      });
      opened = { key, app: made };
    }
    return opened.app;
  }

  return {
    mintRunner: async (...given) => (await app()).mintRunner(...given),
    removeRunner: async (...given) => (await app()).removeRunner(...given),
    findRunner: async (...given) => (await app()).findRunner(...given),
    listRunners: async (...given) => (await app()).listRunners(...given),
    readJob: async (...given) => (await app()).readJob(...given),
    queuedJobs: async (...given) => (await app()).queuedJobs(...given),
    readRun: async (...given) => (await app()).readRun(...given),
    rerun: async (...given) => (await app()).rerun(...given),
    deliveriesSince: async (...given) => (await app()).deliveriesSince(...given),
    redeliver: async (...given) => (await app()).redeliver(...given),
    installations: async () => (await app()).installations(),
    repositories: async (...given) => (await app()).repositories(...given),
    hookAddresses: async (...given) => (await app()).hookAddresses(...given),
    rateLeft: (installation) => opened?.app.rateLeft(installation) ?? null,
  };
}
