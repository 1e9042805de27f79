// Every bundled function once, in a process of its own, against an emulator of AWS.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { startMiniStack } from '../../../scripts/ministack.ts';
import { startOtlpReceiver } from '../../../scripts/otlp-receiver.ts';
import { awsConfiguration } from '../../../test/fixtures/aws-configuration.ts';
import { createDynamoDbClient } from '../../adapters/jobs-tables/dynamodb/index.ts';
import { createTable, emulatorConfig } from '../../adapters/jobs-tables/dynamodb/testing.ts';
import { packSpans } from '../../adapters/tracers/queue/pack.ts';
import type { Span } from '../../core/spans.ts';
import { type BundledFunction, bundleFunctions } from './bundle.ts';
import { variables } from './environment.ts';

const program = resolve(import.meta.dirname, '../../../scripts/run-function.mjs');
const secret = 'a secret of this test';
const jobId = 4711;
const strangersName = 'ab12x-lab-lint-01arz3ndektsv4rrffq69g5fav';

type Told = { answer: unknown } | { error: string };

describe('each bundled function, run as Lambda runs it', () => {
  const configuration = awsConfiguration();
  let folder = '';
  let bundles: BundledFunction[] = [];
  let cloud: Awaited<ReturnType<typeof makeCloud>>;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'functions-'));
    cloud = await makeCloud();
    bundles = await bundleFunctions({
      configuration,
      outDirectory: join(folder, 'one'),
      sdk: 'bundled',
      secretsStore: 'secretsManager',
    });
  });
  after(async () => {
    await cloud.stop();
    await rm(folder, { recursive: true });
  });

  /** Exactly the variables of its kind, and what Lambda itself sets. */
  function run(name: string, events: readonly unknown[]): Promise<Told[]> {
    const bundle = bundles.find((one) => one.name === name);
    assert.ok(bundle, name);
    const given = variables[bundle.kind].map((variable) => [variable, cloud.environment[variable]]);
    return runFunction(join(bundle.directory, 'index.mjs'), events, {
      ...Object.fromEntries(given),
      ...ofLambda(name, cloud.endpoint),
    });
  }

  it('webhook: a signed job is taken, a wrong signature is refused, and so is another route', async () => {
    const body = JSON.stringify(queuedJob);
    const good = webhook(body, `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
    const told = await run('webhook', [good, webhook(body, 'sha256=00'), { ...good, routeKey: 'GET /' }]);
    assert.deepEqual(told.map(statusOf), [202, 401, 404]);
  });

  it('claim, milestones: who has no proof gets nothing', async () => {
    for (const [name, path] of [
      ['claim', '/runners/claim'],
      ['milestones', '/runners/milestones'],
    ] as const) {
      const knock = httpEvent(path, JSON.stringify({ runner: strangersName, token: 'none' }));
      const told = await run(name, [knock, { ...knock, body: 'x'.repeat(20_000) }]);
      assert.deepEqual(told.map(statusOf), [401, 413], name);
    }
  });

  it('messenger: what changed becomes a notification', async () => {
    assert.deepEqual(await run('messenger', [{ Records: [changeOfJob(jobId, '1')] }]), [
      { answer: { batchItemFailures: [] } },
    ]);
    assert.deepEqual(await cloud.receive('publisher.fifo'), [
      { host: 'lab', items: [{ kind: 'job', key: `github.com#${jobId}` }], recount: false, hops: 0 },
    ]);
  });

  it('gatherer: what was gathered for a moment becomes one notification of each host', async () => {
    const records = [
      changeOfJob(1, '2', { calm: { N: '1' } }),
      changeOfJob(2, '3', { calm: { N: '1' } }),
      changeOfJob(3, '4', { calm: { N: '1' }, dirty: { S: 'mac#0' } }),
      { dynamodb: { SequenceNumber: '5', NewImage: { pk: { S: 'J#github.com#4' }, sk: { S: 'J' } } } },
    ];
    assert.deepEqual(await run('gatherer', [{ Records: records }]), [{ answer: { batchItemFailures: [] } }]);
    const told = (await cloud.receive('publisher.fifo')) as { host: string; items: { key: string }[] }[];
    const byHost = told.map(({ host, items }) => [host, items.map(({ key }) => key).sort()]);
    assert.deepEqual(Object.fromEntries(byHost), {
      lab: ['github.com#1', 'github.com#2'],
      mac: ['github.com#3'],
    });
    assert.equal(told.length, 2);
  });

  it('publisher: a job is counted, and a runner ordered; what can not be read is named', async () => {
    const notification = {
      host: 'lab',
      items: [{ kind: 'job', key: `github.com#${jobId}` }],
      recount: true,
      hops: 0,
    };
    const told = await run('publisher', [sqsEvent(notification, { host: 'nobody!' })]);
    assert.deepEqual(told, [{ answer: { batchItemFailures: [{ itemIdentifier: 'm1' }] } }]);
    const orders = (await cloud.receive('jobs')) as { status: string; host: string; os: string }[];
    assert.deepEqual(
      orders.map(({ status, host, os }) => ({ status, host, os })),
      [{ status: 'launch', host: 'lab', os: 'linux' }],
    );
  });

  it('waker: a host whose time has come is told so, another one is to wait', async () => {
    const later = Date.now() + 3_600_000;
    const told = await run('waker', [sqsEvent({ host: 'mac', at: 1 }, { host: 'mac', at: later })]);
    assert.deepEqual(told, [{ answer: { batchItemFailures: [] } }]);
    assert.deepEqual(await cloud.receive('publisher.fifo'), [
      { host: 'mac', items: [], recount: false, hops: 0 },
    ]);
    assert.equal(await cloud.delayed('timer'), 1);
  });

  it('tick: the deployment is started, once in each environment, and each minute has its steps', async () => {
    const told = await run('tick', [{}, {}]);
    assert.deepEqual(told, [{ answer: null }, { answer: null }]);
    const recounts = (await cloud.receive('publisher.fifo')) as { host: string; recount: boolean }[];
    assert.deepEqual(
      recounts.map(({ host, recount }) => ({ host, recount })).sort((a, b) => (a.host < b.host ? -1 : 1)),
      [
        { host: 'lab', recount: true },
        { host: 'mac', recount: true },
      ],
    );
    const steps = (await cloud.receive('steps')) as { step: string; kind?: string }[];
    assert.equal(steps.filter(({ step }) => step === 'jobsDue').length, 2);
    assert.ok(steps.some(({ kind }) => kind === 'repositories'));
    assert.ok(steps.some(({ kind }) => kind === 'hookAddresses'));
  });

  it('launcher, terminator: an order for a runner that is not there is done', async () => {
    const order = { host: 'lab', os: 'linux', runner: strangersName };
    for (const [name, body] of [
      ['launcher-lab-linux', { ...order, status: 'launch', launchBefore: 1 }],
      ['terminator-lab-linux', { ...order, status: 'terminate' }],
    ] as const)
      assert.deepEqual(await run(name, [sqsEvent(body)]), [{ answer: { batchItemFailures: [] } }], name);
  });

  it('steps, asks: a step is done, and nobody is asked about a job that is not known', async () => {
    const purge = sqsEvent({ step: 'purge' });
    const due = sqsEvent({ step: 'runnersDue', host: 'lab' });
    const ask = sqsEvent({ status: 'ask', host: 'lab', os: 'linux', job: 'github.com#1', purpose: 'orphan' });
    const done = { answer: { batchItemFailures: [] } };
    assert.deepEqual(await run('steps', [purge, due]), [done, done]);
    assert.deepEqual(await run('asks', [ask]), [done]);
  });

  it('hostEvents: a stranger is none of ours, and neither is another event', async () => {
    const detail = { host: 'lab', name: strangersName, machine: 'm1', cause: 'ended', at: 1 };
    const event = { source: 'runners.simulated', 'detail-type': 'machine ended', detail };
    const told = await run('hostEvents', [event, { source: 'aws.ec2', detail: {} }]);
    assert.deepEqual(told, [{ answer: null }, { answer: null }]);
  });

  describe('tracer', () => {
    const collectorsKey = 'the key of a collector';
    const tracerTo = (to: string, environment: Record<string, string>, events: readonly unknown[]) =>
      bundleFunctions({
        configuration,
        kinds: ['tracer'],
        outDirectory: join(folder, to === 'xray' ? 'xray' : 'collector'),
        sdk: 'bundled',
        secretsStore: 'secretsManager',
        tracing: { to, sampleRatio: 1 },
      }).then(([bundle]) =>
        runFunction(join(bundle?.directory ?? '', 'index.mjs'), events, {
          ...ofLambda('tracer', cloud.endpoint),
          ...Object.fromEntries(
            variables.tracer.map((variable) => [variable, cloud.environment[variable] ?? '']),
          ),
          ...environment,
        }),
      );
    const packedSpans = () => {
      const [packed] = packSpans([span]).packed;
      return sqsEvent(packed, { spans: 'no spans of ours' });
    };

    it('hands spans to a collector with its key, and names what it can not read', async () => {
      const receiver = await startOtlpReceiver();
      try {
        const TRACES_HEADERS_SECRET_ARN = await cloud.secret('collector', { 'x-api-key': collectorsKey });
        const TRACES_URL = `${receiver.endpoint}/v1/traces`;
        const told = await tracerTo(TRACES_URL, { TRACES_URL, TRACES_HEADERS_SECRET_ARN }, [packedSpans()]);
        assert.deepEqual(told, [{ answer: { batchItemFailures: [{ itemIdentifier: 'm1' }] } }]);
        const [received, ...others] = await receiver.spans();
        assert.deepEqual(others, []);
        assert.equal(received?.name, span.name);
        assert.equal(received?.traceId, span.traceId);
        assert.match(JSON.stringify(received?.resource), /runners/);
      } finally {
        await receiver.stop();
      }
    });

    it('signs what it hands to X-Ray, which is sent again later where X-Ray is too busy', async () => {
      const asked: IncomingHttpHeaders[] = [];
      const server = createServer((request, response) => {
        asked.push(request.headers);
        request.resume();
        request.on('end', () => response.writeHead(asked.length === 1 ? 200 : 503).end());
      });
      await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
      try {
        const TRACES_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`;
        const event = sqsEvent(packSpans([span]).packed[0]);
        const told = await tracerTo('xray', { TRACES_URL, TRACES_HEADERS_SECRET_ARN: '' }, [event, event]);
        assert.deepEqual(told, [
          { answer: { batchItemFailures: [] } },
          { answer: { batchItemFailures: [{ itemIdentifier: 'm0' }] } },
        ]);
        assert.equal(asked.length, 2);
        for (const { authorization = '' } of asked)
          assert.match(authorization, /Credential=test\/\d{8}\/us-east-1\/xray\/aws4_request/);
      } finally {
        server.closeAllConnections();
        await new Promise((closed) => server.close(closed));
      }
    });
  });

  it('any of them says what is missing in its environment, and runs nothing', async () => {
    const [first] = bundles;
    const [told] = await runFunction(join(first?.directory ?? '', 'index.mjs'), [{}], {});
    assert.match(JSON.stringify(told), /JOBS_TABLE.* is missing or not allowed.*Remedy/);
  });

  it('is the same, byte for byte, when it is bundled again, elsewhere', async () => {
    const again = await bundleFunctions({
      configuration: awsConfiguration(),
      outDirectory: join(folder, 'two'),
      sdk: 'bundled',
      secretsStore: 'secretsManager',
    });
    for (const [index, { name, directory }] of bundles.entries())
      for (const file of ['index.mjs', 'configuration.json'])
        assert.deepEqual(
          await readFile(join(directory, file)),
          await readFile(join(again[index]?.directory ?? '', file)),
          `${name}/${file}`,
        );
  });
});

/** What Lambda itself sets. */
function ofLambda(name: string, endpoint: string): Record<string, string> {
  return {
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL: endpoint,
  };
}

function runFunction(file: string, events: readonly unknown[], env: Record<string, string>): Promise<Told[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, file], {
      env,
      stdio: ['pipe', 'ignore', 'inherit', 'pipe'],
    });
    let text = '';
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      text += String(chunk);
    });
    child.once('error', reject);
    child.once('close', () => {
      const lines = text.trim().split('\n');
      // The last one tells what it took.
      resolve(lines.slice(0, -1).map((line) => JSON.parse(line) as Told));
    });
    child.stdin?.end(JSON.stringify(events));
  });
}

/** What the templates make, as far as functions see it. */
async function makeCloud() {
  const { endpoint, stop } = await startMiniStack();
  const config = { ...emulatorConfig(endpoint), requestHandler: {} };
  const sns = new SNSClient(config);
  const sqs = new SQSClient(config);
  const secrets = new SecretsManagerClient(config);
  const table = createDynamoDbClient(emulatorConfig(endpoint));
  await createTable(table, 'jobs');
  const queueUrls = new Map<string, string>();
  for (const name of ['publisher.fifo', 'jobs', 'timer', 'steps', 'own']) {
    const fifo = name.endsWith('.fifo') ? { FifoQueue: 'true' } : {};
    const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: fifo }));
    queueUrls.set(name, QueueUrl);
  }
  const topicTo = async (name: string): Promise<string> => {
    const fifo = name.endsWith('.fifo') ? { FifoTopic: 'true' } : {};
    const { TopicArn = '' } = await sns.send(new CreateTopicCommand({ Name: name, Attributes: fifo }));
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrls.get(name), AttributeNames: ['QueueArn'] }),
    );
    await sns.send(
      new SubscribeCommand({
        TopicArn,
        Protocol: 'sqs',
        Endpoint: Attributes?.['QueueArn'],
        Attributes: { RawMessageDelivery: 'true' },
      }),
    );
    return TopicArn;
  };
  const secretOf = async (name: string, value: unknown): Promise<string> => {
    const { ARN = '' } = await secrets.send(
      new CreateSecretCommand({ Name: name, SecretString: JSON.stringify(value) }),
    );
    return ARN;
  };
  const environment: Record<string, string> = {
    LOG_LEVEL: 'info',
    METRICS_NAMESPACE: 'GitHubRunners/test',
    JOBS_TABLE: 'jobs',
    GITHUB_NAME: 'github.com',
    GITHUB_API_URL: 'https://github.invalid',
    GITHUB_ADDRESSES_ONLY: 'true',
    CLAIM_URL: 'https://api.invalid/runners/claim',
    HOST: 'lab',
    ACCOUNT_ID: '000000000000',
    REGION: 'us-east-1',
    TRACE_SAMPLE_RATIO: '0',
    PUBLISHER_TOPIC_ARN: await topicTo('publisher.fifo'),
    JOBS_TOPIC_ARN: await topicTo('jobs'),
    TIMER_QUEUE_URL: queueUrls.get('timer') ?? '',
    STEPS_QUEUE_URL: queueUrls.get('steps') ?? '',
    QUEUE_URL: queueUrls.get('own') ?? '',
    WEBHOOK_SECRET_ARN: await secretOf('webhook', { current: secret, previous: null }),
    APP_SECRET_ARN: await secretOf('app', { appId: '1', privateKey: 'not asked for' }),
  };

  return {
    endpoint,
    environment,
    secret: secretOf,
    /** Everything that waits there. */
    async receive(name: string): Promise<unknown[]> {
      const bodies: unknown[] = [];
      for (;;) {
        const QueueUrl = queueUrls.get(name);
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
        );
        if (Messages.length === 0) return bodies;
        // What is in hand would keep its group waiting.
        for (const { ReceiptHandle } of Messages)
          await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
        bodies.push(...Messages.map(({ Body = '' }) => JSON.parse(Body) as unknown));
      }
    },
    async delayed(name: string): Promise<number> {
      const { Attributes } = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: queueUrls.get(name),
          AttributeNames: ['ApproximateNumberOfMessagesDelayed'],
        }),
      );
      return Number(Attributes?.['ApproximateNumberOfMessagesDelayed']);
    },
    async stop() {
      for (const client of [sns, sqs, secrets, table]) client.destroy();
      await stop();
    },
  };
}

function httpEvent(path: string, body: string, headers: Record<string, string> = {}) {
  return {
    version: '2.0',
    routeKey: `POST ${path}`,
    headers,
    requestContext: { http: { method: 'POST', path, sourceIp: '127.0.0.1' } },
    body,
    isBase64Encoded: false,
  };
}

function webhook(body: string, signature: string) {
  return httpEvent('/webhooks/github', body, {
    'X-Hub-Signature-256': signature,
    'X-GitHub-Event': 'workflow_job',
    'X-GitHub-Delivery': 'a-delivery',
  });
}

function sqsEvent(...bodies: readonly unknown[]) {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `m${index}`,
      receiptHandle: `h${index}`,
      body: JSON.stringify(body),
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'lab' },
    })),
  };
}

function statusOf(told: Told): unknown {
  return 'answer' in told ? (told.answer as { statusCode: number }).statusCode : told.error;
}

/** A record of the table's stream. */
function changeOfJob(id: number, sequence: string, more: Record<string, object> = {}) {
  return {
    dynamodb: {
      SequenceNumber: sequence,
      NewImage: {
        pk: { S: `J#github.com#${id}` },
        sk: { S: 'J' },
        dirty: { S: 'lab#0' },
        change: { S: '1' },
        ...more,
      },
    },
  };
}

const span: Span = {
  traceId: 'ab'.repeat(16),
  spanId: 'cd'.repeat(8),
  parentId: null,
  name: 'ci / lint',
  kind: 'server',
  startMs: 1_795_600_000_000,
  endMs: 1_795_600_001_000,
  error: null,
  attributes: { 'cicd.pipeline.task.name': 'lint' },
  links: [],
};

const queuedJob = {
  action: 'queued',
  installation: { id: 7 },
  organization: { login: 'acme' },
  repository: { full_name: 'acme/app', private: true, owner: { login: 'acme', type: 'Organization' } },
  sender: { login: 'someone' },
  workflow_job: {
    id: jobId,
    run_id: 2,
    run_attempt: 1,
    name: 'lint',
    workflow_name: 'ci',
    status: 'queued',
    conclusion: null,
    labels: ['self-hosted', 'lint'],
    runner_id: null,
    runner_name: null,
    created_at: '2026-11-24T10:00:00Z',
    started_at: '2026-11-24T10:00:00Z',
    completed_at: null,
    html_url: 'https://github.com/acme/app/actions/runs/2/job/4711',
  },
};
