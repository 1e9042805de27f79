import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { inspect } from 'node:util';
import { createSecretStores } from './secret-stores.ts';
import { differingSecrets, type Secrets, warnOfLostWebhooks } from './secrets.ts';
import { clientsFor, type StubAws, startStubAws } from './testing.ts';

const secrets: Secrets = {
  appId: '42',
  privateKey: '-----BEGIN the key',
  webhookSecret: 'the new secret of the webhook',
  webhookSecretPrevious: null,
};

for (const [store, webhookSecretArn, appSecretArn] of [
  [
    'Secrets Manager',
    'arn:aws:secretsmanager:eu-central-1:123456789012:secret:webhook-a1b2c3',
    'arn:aws:secretsmanager:eu-central-1:123456789012:secret:app-a1b2c3',
  ],
  [
    'Parameter Store',
    'arn:aws:ssm:eu-central-1:123456789012:parameter/github-runners/webhook',
    'arn:aws:ssm:eu-central-1:123456789012:parameter/github-runners/app',
  ],
] as const) {
  describe(`secrets in ${store}`, () => {
    let aws: StubAws;
    let clients: ReturnType<typeof clientsFor>;
    let stores: ReturnType<typeof createSecretStores>;
    /** By name, as the store knows them. */
    const kept = new Map<string, string>();
    before(async () => {
      aws = await startStubAws();
      clients = clientsFor(aws.url);
      stores = createSecretStores(clients, 'github-runners');
      aws.answer = ({ operation, input }) => {
        const name = String(input['SecretId'] ?? input['Name']);
        const value = kept.get(name);
        switch (operation) {
          case 'GetSecretValue':
            return value === undefined
              ? { error: 'ResourceNotFoundException' }
              : { json: { SecretString: value } };
          case 'GetParameter':
            return value === undefined
              ? { error: 'ParameterNotFound' }
              : { json: { Parameter: { Value: value } } };
          case 'PutSecretValue':
            kept.set(name, String(input['SecretString']));
            return { json: {} };
          case 'PutParameter':
            if (value !== undefined && input['Overwrite'] !== true)
              return { error: 'ParameterAlreadyExists' };
            assert.equal(input['Type'], 'SecureString');
            kept.set(name, String(input['Value']));
            return { json: {} };
          case 'DeleteParameter':
          case 'DeleteSecret':
            return kept.delete(name) ? { json: {} } : { error: 'ResourceNotFoundException' };
          default:
            return { error: 'InvalidAction' };
        }
      };
    });
    after(async () => {
      clients.close();
      await aws.close();
    });
    beforeEach(() => {
      kept.clear();
      aws.calls.length = 0;
    });

    const places = { webhookSecretArn, appSecretArn };
    async function store(given: Secrets) {
      const writes = await differingSecrets(stores, places, given);
      for (const { arn, text } of writes) await stores.write(arn, text);
      return writes;
    }

    test('are written once, and again only where they differ', async () => {
      const first = await store(secrets);
      assert.deepEqual(
        first.map(({ what, isFirst }) => [what, isFirst]),
        [
          ["webhook's secret", true],
          ["App's key", true],
        ],
      );
      assert.deepEqual(JSON.parse((await stores.read(webhookSecretArn)) ?? ''), {
        current: 'the new secret of the webhook',
        previous: null,
      });
      assert.deepEqual(await store(secrets), []);
    });

    test('change one by one, and the one that is replaced stays good where it is given', async () => {
      await store(secrets);
      const changed = {
        ...secrets,
        webhookSecret: 'the next one',
        webhookSecretPrevious: secrets.webhookSecret,
      };
      const writes = await store(changed);
      assert.deepEqual(
        writes.map(({ what, isFirst }) => [what, isFirst]),
        [["webhook's secret", false]],
      );
      assert.equal(warnOfLostWebhooks(writes, changed), null);
      assert.deepEqual(JSON.parse((await stores.read(webhookSecretArn)) ?? ''), {
        current: 'the next one',
        previous: 'the new secret of the webhook',
      });
      const abrupt = { ...secrets, webhookSecret: 'yet another one' };
      assert.match(warnOfLostWebhooks(await store(abrupt), abrupt) ?? '', /GITHUB_WEBHOOK_SECRET_PREVIOUS/);
    });

    test('go, and are not missed when they are gone', async () => {
      await store(secrets);
      await stores.remove(appSecretArn);
      await stores.remove(appSecretArn);
      assert.equal(await stores.read(appSecretArn), null);
    });

    test('are in no error', async () => {
      const answer = aws.answer;
      aws.answer = () => ({ error: 'AccessDeniedException', message: 'not allowed' });
      const error = await stores.write(appSecretArn, secrets.privateKey).catch((reason: unknown) => reason);
      aws.answer = answer;
      assert.match(String(error), /AccessDeniedException: not allowed/);
      assert.doesNotMatch(inspect(error, { depth: 9 }), /BEGIN the key/);
    });
  });
}
