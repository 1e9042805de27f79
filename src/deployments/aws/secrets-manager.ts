// Secrets in Secrets Manager.

import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import type { ReadSecret } from './secrets.ts';

/** It answers within 100 ms; with two more tries it is over before GitHub gives up. */
const requestMsMax = 2_000;
const attemptsMax = 3;

export function createSecretReader(): ReadSecret {
  const client = new SecretsManagerClient({
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: requestMsMax,
      throwOnRequestTimeout: true,
    },
  });
  return async (arn) => {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    if (SecretString !== undefined) return SecretString;
    throw new Error(`the secret ${arn} holds no text. Remedy: deploy again, which puts it there from .env.`);
  };
}
