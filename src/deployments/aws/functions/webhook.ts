// GitHub's webhook.

import { env } from 'node:process';
import type { Answer } from '../../../flow/producer/answer.ts';
import { metrics } from '../../../flow/producer/metrics.ts';
import { type WebhookRequest, webhookBytesMax } from '../../../flow/producer/webhook.ts';
import { makeWebhookDoor } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { createHookAddressCheck, foreignAddress } from '../hook-addresses.ts';
import { httpDoor } from '../http.ts';
import { invocation } from '../invocation.ts';
import { openTable, openWorld, traced } from '../ports.ts';
import { createSecret, webhookSecret } from '../secrets.ts';
import { createSecretReader } from '../secrets-manager.ts';

const environment = readEnvironment(env, variables.webhook);
const world = openWorld(environment);
const readText = createSecretReader();
const secret = createSecret({
  ...world,
  fetchText: () => readText(environment.WEBHOOK_SECRET_ARN),
  schema: webhookSecret,
  name: environment.WEBHOOK_SECRET_ARN,
});
// Asked for while the table is, so that the first webhook waits for the slower of the two; a failure is met again there.
secret.read().catch(() => {});
const { context, table } = await openTable(environment, world);

const mayCome = environment.GITHUB_ADDRESSES_ONLY
  ? createHookAddressCheck({ ...context, table })
  : () => Promise.resolve(true);

export const handler = invocation(
  context,
  httpDoor(
    { routeKey: 'POST /webhooks/github', bytesMax: webhookBytesMax },
    async ({ headers, body, sourceAddress }) => {
      if (!(await mayCome(sourceAddress))) return foreign();
      const request: WebhookRequest = {
        signature: headers.get('x-hub-signature-256') ?? null,
        event: headers.get('x-github-event') ?? null,
        delivery: headers.get('x-github-delivery') ?? null,
        body,
      };
      const answer = await answerBy(await secret.read(), request);
      if (answer.status !== 401 || request.signature === null) return answer;
      // Signed with a secret that is not known here: it may have been changed a moment ago.
      const secrets = await secret.readAgain();
      return secrets === null ? answer : answerBy(secrets, request);
    },
  ),
);

function foreign(): Answer {
  context.telemetry.count(metrics.webhooks, { status: '403' });
  return { status: 403, body: { message: foreignAddress } };
}

function answerBy(secrets: readonly string[], request: WebhookRequest): Promise<Answer> {
  return makeWebhookDoor(traced(context, environment), { table }, secrets)(request);
}
