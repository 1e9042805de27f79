// Secrets as SecureStrings in Systems Manager's Parameter Store. The bundler puts this in the place of
// `secrets-manager.ts` where the settings say so.

import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { ReadSecret } from './secrets.ts';

/** As with Secrets Manager. */
const requestMsMax = 2_000;
const attemptsMax = 3;

export function createSecretReader(): ReadSecret {
  const client = new SSMClient({
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: requestMsMax,
      throwOnRequestTimeout: true,
    },
  });
  return async (arn) => {
    const { Parameter } = await client.send(
      new GetParameterCommand({ Name: nameOf(arn), WithDecryption: true }),
    );
    if (Parameter?.Value !== undefined) return Parameter.Value;
    throw new Error(
      `the parameter ${arn} holds no text. Remedy: deploy again, which puts it there from .env.`,
    );
  };
}

/** `arn:aws:ssm:<region>:<account>:parameter/<name>` → `/<name>`. */
function nameOf(arn: string): string {
  return arn.slice(arn.indexOf(':parameter') + ':parameter'.length);
}
