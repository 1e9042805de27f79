// Puts the App's secrets where the functions read them: the webhook's in one, the App's key in another, so that the
// function which faces the internet can read the first alone. They go by the API, from this process: never through a
// template, an argument list or another process's environment. Each is one write that replaces the whole, so that none
// is ever half there, and nothing is written where nothing differs: each write is a version that somebody accounts for.

import type { SecretStores } from './secret-stores.ts';

export interface Secrets {
  appId: string;
  /** PEM. */
  privateKey: string;
  webhookSecret: string;
  webhookSecretPrevious: string | null;
}

export interface SecretPlaces {
  webhookSecretArn: string;
  appSecretArn: string;
}

export interface SecretWrite {
  what: "webhook's secret" | "App's key";
  arn: string;
  text: string;
  isFirst: boolean;
}

/** Those whose stored value differs, or that have none yet. */
export async function differingSecrets(
  stores: SecretStores,
  { webhookSecretArn, appSecretArn }: SecretPlaces,
  { appId, privateKey, webhookSecret, webhookSecretPrevious }: Secrets,
): Promise<SecretWrite[]> {
  const webhook = { current: webhookSecret, previous: webhookSecretPrevious };
  const wanted = [
    { what: "webhook's secret", arn: webhookSecretArn, text: JSON.stringify(webhook) },
    { what: "App's key", arn: appSecretArn, text: JSON.stringify({ appId, privateKey }) },
  ] as const;
  const stored = await Promise.all(wanted.map(({ arn }) => stores.read(arn)));
  return wanted
    .map((write, at) => ({ ...write, stored: stored[at] ?? null }))
    .filter((write) => write.stored !== write.text)
    .map((write) => ({ what: write.what, arn: write.arn, text: write.text, isFirst: write.stored === null }));
}

/** `null` where what is given keeps webhooks that are on their way readable. */
export function warnOfLostWebhooks(writes: readonly SecretWrite[], { webhookSecretPrevious }: Secrets) {
  const isReplaced = writes.some(({ what, isFirst }) => what === "webhook's secret" && !isFirst);
  if (!isReplaced || webhookSecretPrevious !== null) return null;
  return (
    "The webhook's secret was changed at once. Webhooks that GitHub signed with the one before it are refused, and sent " +
    'again within minutes. To accept both for a while, set GITHUB_WEBHOOK_SECRET_PREVIOUS too.'
  );
}
