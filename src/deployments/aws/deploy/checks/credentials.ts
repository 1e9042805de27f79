// Who asks: missing, expired, wrong and denied credentials are different troubles with different remedies.

import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { Problem } from '../../../../config/problem.ts';
import { readable } from '../../../../core/reason.ts';

interface Identity {
  account: string;
  /** Who it is, for people. */
  arn: string;
}

export type IdentityRead = Identity | { problem: Problem };

export async function readIdentity(sts: STSClient): Promise<IdentityRead> {
  try {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    if (Account && Arn) return { account: Account, arn: Arn };
    return { problem: problemOf('AWS did not say whose they are', remedies.other) };
  } catch (error) {
    return { problem: explain(error) };
  }
}

/** Names of errors, of the SDK's providers and of AWS, and words in their messages. */
const kinds: readonly { name: RegExp; message?: RegExp; what: string; remedy: keyof typeof remedies }[] = [
  {
    name: /^(?:ExpiredToken(?:Exception)?|TokenRefreshRequired|RequestExpired)$/,
    what: 'they have expired',
    remedy: 'expired',
  },
  {
    name: /^(?:CredentialsProviderError|TokenProviderError)$/,
    message: /expired/i,
    what: 'they have expired',
    remedy: 'expired',
  },
  {
    name: /^(?:CredentialsProviderError|TokenProviderError)$/,
    what: 'there are none',
    remedy: 'missing',
  },
  {
    name: /^(?:RequestTimeTooSkewed|SignatureDoesNotMatch|AuthFailure|InvalidSignatureException)$/,
    message: /signature (?:expired|not yet current)|time|clock/i,
    what: "this machine's clock differs from AWS's by minutes",
    remedy: 'clock',
  },
  {
    name: /^(?:InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|AuthFailure|InvalidAccessKeyId|IncompleteSignature)$/,
    what: 'AWS does not know them: the access key, its secret, or the session token is wrong',
    remedy: 'wrong',
  },
  {
    name: /^(?:AccessDenied(?:Exception)?|OptInRequired)$/,
    what: 'AWS knows them and denies the request',
    remedy: 'denied',
  },
  {
    name: /^(?:TimeoutError|NetworkingError|Error|AggregateError)$/,
    message: /ENOTFOUND|ECONNREFUSED|EAI_AGAIN|ETIMEDOUT|ECONNRESET|timed? ?out|socket|certificate/i,
    what: 'AWS is not reached',
    remedy: 'network',
  },
];

const remedies = {
  missing:
    'run `aws configure sso` or `aws configure` once, then `export AWS_PROFILE=<profile>`; or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) in the environment',
  expired: 'sign in again: `aws sso login`, or fetch new session credentials; then repeat this command',
  wrong: 'compare them with those of IAM; a session needs AWS_SESSION_TOKEN beside the two keys',
  denied:
    'use an identity that may call sts:GetCallerIdentity and assume the roles of the CDK bootstrap, or ask whoever wrote its policies',
  clock: "synchronise this machine's clock (NTP)",
  network: 'see that this machine reaches AWS; behind a proxy set HTTPS_PROXY and NODE_USE_ENV_PROXY=1',
  other: 'see that `aws sts get-caller-identity` works in this shell',
} as const;

function explain(error: unknown): Problem {
  const { name, message } = error instanceof Error ? error : { name: '', message: String(error) };
  const code = error instanceof Error && 'code' in error ? ` ${String(error.code)}` : '';
  const kind = kinds.find((one) => one.name.test(name) && (one.message?.test(message + code) ?? true));
  if (!kind) return problemOf(`AWS did not take them: ${name} ${readable(message)}`, remedies.other);
  return problemOf(`${kind.what} (${name}${code})`, remedies[kind.remedy]);
}

function problemOf(what: string, remedy: string): Problem {
  return {
    place: 'AWS credentials',
    what,
    allowed: 'credentials of an account that may be deployed to: a profile, single sign-on, or access keys',
    remedy,
  };
}
