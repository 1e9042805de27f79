// What the deployment needs of the environment and `.env`: all of the App's credentials.

import { existsSync } from 'node:fs';
import { readPrivateKey } from '../../../../adapters/github/app/credentials.ts';
import { type Environment, readEnvironment } from '../../../../config/environment.ts';
import type { Problem } from '../../../../config/problem.ts';

type Variables = Readonly<Record<string, string | undefined>>;

export interface DeployEnvironment {
  environment: Environment;
  appId: string;
  /** PEM. */
  privateKey: string;
  webhookSecret: string;
  webhookSecretPrevious: string | null;
}

export type EnvironmentChecked =
  | { outcome: 'read'; read: DeployEnvironment }
  | { outcome: 'refused'; problems: readonly Problem[] };

/** `variables` are those of the environment, with the file's beneath them. */
export function checkEnvironment(variables: Variables, file: string): EnvironmentChecked {
  const result = readEnvironment(variables);
  if (result.outcome === 'refused') return result;
  const { environment } = result;
  if (environment.app === null) return { outcome: 'refused', problems: [noApp(file)] };
  const { appId, privateKey, webhookSecrets } = environment.app;
  const [webhookSecret = '', previous = null] = webhookSecrets;
  try {
    const pem = readPrivateKey(privateKey);
    const read = { environment, appId, privateKey: pem, webhookSecret, webhookSecretPrevious: previous };
    return { outcome: 'read', read };
  } catch (error) {
    // It never quotes what was given, unless that can only be a path.
    const what = error instanceof Error ? error.message : 'it can not be read';
    return { outcome: 'refused', problems: [badKey(what)] };
  }
}

function noApp(file: string): Problem {
  const there = existsSync(file);
  return {
    place: file,
    what: there ? 'it has nothing of a GitHub App' : 'there is no such file, and the environment has no App',
    allowed: 'GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_WEBHOOK_SECRET, all three',
    remedy: `${there ? '' : `copy .env.example to ${file}, and `}fill these in; docs/guides/github-app.md tells how to make the App`,
  };
}

function badKey(what: string): Problem {
  return {
    place: 'GITHUB_APP_PRIVATE_KEY',
    what,
    allowed: 'the PEM that the page of the App makes, base64 of it, or the path of its file',
    remedy: "make a new key on the App's page at GitHub, and give its file",
  };
}
