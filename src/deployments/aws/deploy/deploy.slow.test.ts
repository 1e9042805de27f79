// The commands as a person runs them, against the emulator of AWS and the simulated GitHub: the CDK's own tool, real
// functions behind the HTTP API, and faults between.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { Emulator } from '../../../../scripts/emulator.ts';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { createSystemClock } from '../../../adapters/clock/system/index.ts';
import { type SimulatedGitHub, startSimulatedGitHub } from '../../../adapters/github/simulated/server.ts';
import { createDynamoDbJobsTable } from '../../../adapters/jobs-tables/dynamodb/index.ts';
import { gitHubName, type HostName, jobKey } from '../../../core/ids.ts';
import { aCommit, aRunner } from '../../../ports/testing.ts';
import { deploymentTag } from '../outputs.ts';
import { createClients } from './clients.ts';
import { readDeadLetterQueues } from './dead-letters.ts';
import { demandOutput, readResources, readStacks } from './stacks.ts';

const clock = createSystemClock();
const program = join(import.meta.dirname, 'main.ts');
const deployment = 'github-runners';
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

/** Nothing here takes so long; what hangs is to fail by its own test. */
const runMsMax = 240_000;

describe('a deployment, from nothing to nothing', { timeout: 900_000 }, () => {
  let emulator: Emulator;
  let gitHub: SimulatedGitHub;
  let folder: string;
  let proxy: Proxy;
  let clients: ReturnType<typeof createClients>;
  const secrets = { current: 'the first secret of the webhook', previous: '' };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'deploy-'));
    emulator = await startMiniStack();
    proxy = await startProxy(emulator.endpoint);
    gitHub = await startSimulatedGitHub({
      clock,
      random: Math.random,
      publicKey,
      app: { id: 42 },
      settings: { deliveryDelay: { minMs: 0, maxMs: 0 } },
      setUp(world) {
        world.addOrganisation('acme');
        world.addRepository('acme/app');
        world.install('acme');
      },
    });
    clients = createClients(variables(), 'us-east-1');
    writeFileSync(join(folder, 'app.pem'), privateKey, { mode: 0o600 });
    configure(['alpha', 'beta']);
    writeEnvironment();
  });
  after(async () => {
    clients?.close();
    await gitHub?.close();
    await proxy?.close();
    await emulator?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  function variables(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL: proxy.url,
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_REGION: 'us-east-1',
    };
  }

  function configure(hosts: readonly string[]): void {
    const park = { url: 'http://127.0.0.1:9', token: 'a token that no park asks for' };
    writeFileSync(
      join(folder, 'runners.config.json'),
      JSON.stringify({
        hosts: Object.fromEntries(
          hosts.map((name) => [name, { type: 'simulated', limit: 2, options: park }]),
        ),
        pools: Object.fromEntries(
          hosts.map((host) => [host, { host, os: 'linux', labels: ['self-hosted', host], limit: 2 }]),
        ),
      }),
    );
  }

  function writeEnvironment(): void {
    const lines = [
      'GITHUB_APP_ID=42',
      'GITHUB_APP_PRIVATE_KEY=./app.pem',
      `GITHUB_WEBHOOK_SECRET=${secrets.current}`,
      `GITHUB_WEBHOOK_SECRET_PREVIOUS=${secrets.previous}`,
      `GITHUB_API_URL=${gitHub.url}`,
      'RUNNERS_CONFIG=runners.config.json',
    ];
    writeFileSync(join(folder, '.env'), `${lines.join('\n')}\n`, { mode: 0o600 });
  }

  async function run(
    args: readonly string[],
    whileRunning: (child: ChildProcess, said: () => string) => void = () => {},
  ) {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        HOME: folder,
        CI: 'true',
        AWS_EC2_METADATA_DISABLED: 'true',
        ...variables(),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: runMsMax,
    });
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString('utf8');
      whileRunning(child, () => said);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    const status = await new Promise<number | null>((ended) => child.once('close', ended));
    const log = (() => {
      try {
        return readFileSync(join(folder, '.cache', 'aws', deployment, 'deploy.log'), 'utf8');
      } catch {
        return '';
      }
    })();
    for (const secret of [secrets.current, secrets.previous, privateKey.split('\n')[3] ?? '']) {
      if (secret !== '') assert.ok(!`${said}${log}`.includes(secret), 'a secret was said');
    }
    return { status, said };
  }

  const stacksNow = () => readStacks(clients.cloudFormation, deployment);

  async function physicalIds(): Promise<string[]> {
    const resources = await Promise.all(
      (await stacksNow()).map(({ id }) => readResources(clients.cloudFormation, id)),
    );
    return resources
      .flat()
      .map(({ physicalId }) => physicalId)
      .sort();
  }

  async function storedSecret(name: 'webhookSecret' | 'appSecret') {
    const SecretId = demandOutput(await stacksNow(), name);
    const { SecretString, VersionId } = await clients.secretsManager.send(
      new GetSecretValueCommand({ SecretId }),
    );
    return { value: JSON.parse(SecretString ?? '{}'), version: VersionId };
  }

  async function openTable() {
    return createDynamoDbJobsTable({
      client: clients.dynamoDb,
      tableName: demandOutput(await stacksNow(), 'table'),
      clock,
      random: Math.random,
      deadlines: { ofRunner: () => null, ofJob: () => null },
      keepMs: 1_000,
    });
  }

  /** A job's webhook, from GitHub through the HTTP API and the function into the table. */
  async function expectJobArrives(label: string): Promise<void> {
    const made = gitHub.world.startRun('acme/app', {
      name: 'CI',
      jobs: [{ name: 'one', labels: ['self-hosted', label] }],
    });
    const key = jobKey(gitHubName(new URL(gitHub.url).hostname), made.jobs[0]?.id ?? 0);
    const table = await openTable();
    for (let tries = 0; tries < 200; tries += 1) {
      if ((await table.readJob(key)) !== null) return;
      await clock.sleep(100);
    }
    assert.fail(`no job ${key} in the table: its webhook did not arrive`);
  }

  /** A busy runner of host beta: the functions that run here can not reach its host, so it stays. */
  async function giveMachine(n: number): Promise<void> {
    const table = await openTable();
    const beta = 'beta' as HostName;
    const runner = aRunner(n, { host: beta, state: 'busy' });
    for (let tries = 0; tries < 10; tries += 1) {
      const version = (await table.readLedger(beta))?.version ?? 0;
      const commit = aCommit(version, { host: beta, runnersNew: [runner] });
      const { outcome } = await table.commit({ ...commit, ledger: { ...commit.ledger, host: beta } });
      if (outcome === 'committed') return;
    }
    assert.fail('the ledger of beta moves all the time');
  }

  test('an account that was never prepared is told so, and nothing is begun', async () => {
    const { status, said } = await run(['deploy']);
    assert.equal(status, 2, said);
    assert.match(said, /CDK bootstrap: this account was never prepared/);
    assert.match(said, /npx cdk bootstrap aws:\/\/000000000000\/us-east-1/);
    assert.deepEqual(await stacksNow(), []);
  });

  test('a deploy that fails half-way says why, and its repetition goes on from there', async () => {
    proxy.refuse = (body) =>
      body.includes('Action=ExecuteChangeSet') && body.includes('github-runners-pipeline');
    const failed = await run(['deploy', '--bootstrap']);
    assert.equal(failed.status, 1, failed.said);
    assert.match(failed.said, /Preparing the account for the CDK/);
    assert.match(failed.said, /The deploy failed/);
    assert.match(failed.said, /AccessDenied|injected/);
    assert.match(failed.said, /repeat this command/);
    proxy.refuse = () => false;

    const { status, said } = await run(['deploy']);
    assert.equal(status, 0, said);
    assert.match(said, /The webhook's secret is stored/);
    assert.match(said, /The App's key is stored/);
    assert.match(said, /The App's webhook points here/);
    assert.match(said, /Webhook URL: http\S+\/webhooks\/github/);
    assert.deepEqual((await storedSecret('webhookSecret')).value, {
      current: secrets.current,
      previous: null,
    });
    assert.equal((await storedSecret('appSecret')).value.appId, '42');
    await expectJobArrives('alpha');
  });

  test('a second run of the same changes nothing', async () => {
    const before = { ids: await physicalIds(), webhook: await storedSecret('webhookSecret') };
    const { status, said } = await run(['deploy']);
    assert.equal(status, 0, said);
    assert.match(said, /The secrets are as they were/);
    assert.deepEqual({ ids: await physicalIds(), webhook: await storedSecret('webhookSecret') }, before);
  });

  test('a dry run tells the differences and changes none', async () => {
    secrets.previous = secrets.current;
    secrets.current = 'the second secret of the webhook';
    writeEnvironment();
    const before = await storedSecret('webhookSecret');
    const { status, said } = await run(['deploy', '--dry-run']);
    assert.equal(status, 0, said);
    assert.match(said, /webhook's secret would be replaced/);
    assert.match(said, /Nothing was changed/);
    assert.deepEqual(await storedSecret('webhookSecret'), before);
  });

  test('Ctrl-C ends it in order, and a new secret is taken beside the old one by the run after it', async () => {
    let isStopped = false;
    const stopped = await run(['deploy'], (child, said) => {
      if (isStopped || !said().includes('synthesized')) return;
      isStopped = true;
      child.kill('SIGINT');
    });
    assert.equal(stopped.status, 130, stopped.said);
    assert.match(stopped.said, /repeat the command/);

    const { status, said } = await run(['deploy', '--no-webhook']);
    assert.equal(status, 0, said);
    assert.match(said, /webhook's secret is replaced/);
    assert.match(said, /left as it is \(--no-webhook\)/);
    assert.deepEqual((await storedSecret('webhookSecret')).value, secrets);
    // GitHub was not told of the new one: it signs with the old.
    assert.equal(gitHub.world.app.webhookSecret, secrets.previous);
    await expectJobArrives('alpha');
  });

  test('a host with machines alive is not taken out', async () => {
    await giveMachine(1);
    configure(['alpha']);
    const { status, said } = await run(['deploy']);
    assert.equal(status, 2, said);
    assert.match(said, /machines alive: beta 1 \(1 at work\)/);
    assert.match(said, /limit: 0/);
    configure(['alpha', 'beta']);
  });

  test('dead letters are shown, and go back', async () => {
    const queues = await readDeadLetterQueues(clients, await stacksNow());
    const timer = queues.find(({ name }) => name === 'pipeline/Waker');
    const failures = queues.find(({ source }) => source === null);
    assert.ok(timer?.source && failures);
    const send = (url: string, body: unknown) =>
      clients.sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: JSON.stringify(body) }));
    await send(timer.url, { host: 'alpha', at: 1, hops: 0 });
    await send(failures.url, { DDBStreamBatchInfo: { shardId: 's' } });

    const shown = await run(['redrive', '--dry-run']);
    assert.equal(shown.status, 0, shown.said);
    assert.match(shown.said, /pipeline\/Waker: 1 message.*timer for host alpha/);
    assert.match(shown.said, /Nothing was moved/);
    const one = await run(['redrive', 'waker']);
    assert.match(one.said, /1 moved back/);
    assert.doesNotMatch(one.said, /Failures/);
    const rest = await run(['redrive']);
    assert.match(rest.said, /told alpha, beta to count again, and removed 1 pointers/);
    assert.match((await run(['redrive'])).said, /No dead letters/);
    assert.equal((await run(['redrive', 'nonsense'])).status, 2);
  });

  test('what has machines alive is destroyed by force alone, and then nothing is left', async () => {
    const unasked = await run(['destroy', '--force']);
    assert.equal(unasked.status, 2, unasked.said);
    assert.match(unasked.said, /nobody is there to be asked/);
    await giveMachine(2);
    const refused = await run(['destroy', '--yes']);
    assert.equal(refused.status, 2, refused.said);
    assert.match(refused.said, /Machines are alive: .*beta [12]/);

    const secret = demandOutput(await stacksNow(), 'webhookSecret');
    const { status, said } = await run(['destroy', '--yes', '--force']);
    assert.equal(status, 0, said);
    assert.match(said, /Destroyed\. What is left/);
    assert.deepEqual(await stacksNow(), []);
    await assert.rejects(clients.secretsManager.send(new GetSecretValueCommand({ SecretId: secret })), {
      name: 'ResourceNotFoundException',
    });
    const again = await run(['destroy', '--yes']);
    assert.equal(again.status, 0);
    assert.match(again.said, /nothing to destroy/);
  });

  test('a stack that could not be made the first time is made anew', async () => {
    await clients.cloudFormation.send(
      new CreateStackCommand({
        StackName: 'github-runners-hosts',
        Tags: [{ Key: deploymentTag, Value: deployment }],
        TemplateBody: JSON.stringify({
          Resources: {
            Broken: {
              Type: 'AWS::SecretsManager::SecretTargetAttachment',
              Properties: { SecretId: 'none', TargetType: 'nonsense', TargetId: 'none' },
            },
          },
        }),
      }),
    );
    for (let tries = 0; tries < 100; tries += 1) {
      if ((await stacksNow())[0]?.status === 'ROLLBACK_COMPLETE') break;
      await clock.sleep(100);
    }
    const { status, said } = await run(['deploy']);
    assert.equal(status, 0, said);
    assert.match(said, /could not be made the last time: ROLLBACK_COMPLETE/);
  });
});

interface Proxy {
  url: string;
  /** Told a request's body; one that is refused does not reach the emulator. */
  refuse: (body: string) => boolean;
  close(): Promise<void>;
}

/** Between the commands and the emulator, to let single calls fail. */
async function startProxy(target: string): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const server: Server = createServer((incoming, outgoing) => {
    void bodyOf(incoming).then((body) => {
      if (proxy.refuse(body.toString('utf8'))) {
        outgoing.writeHead(403, { 'content-type': 'text/xml' });
        outgoing.end(
          '<ErrorResponse><Error><Code>AccessDenied</Code><Message>injected: not authorized to perform this</Message></Error></ErrorResponse>',
        );
        return;
      }
      const { method, url, headers } = incoming;
      const forwarded = request({ hostname, port, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      forwarded.on('error', () => outgoing.destroy());
      forwarded.end(body);
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const proxy: Proxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse: () => false,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return proxy;
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  return Buffer.concat(chunks);
}
