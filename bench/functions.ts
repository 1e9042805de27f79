// How large the bundled functions are, and how long a new environment takes from the start of Node until its first event
// is handled: with AWS's SDK within the bundle, and left to the runtime. AWS is a server here that answers at once, so
// that what is measured is Node and ours; Lambda's own share, a place to run and the code's download, comes on top.

import { spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type BundledFunction, bundleFunctions } from '../src/deployments/aws/bundle.ts';
import { variables } from '../src/deployments/aws/environment.ts';
import { awsConfiguration } from '../test/fixtures/aws-configuration.ts';
import { median, percentile, type Row, shownMs } from './figure.ts';

const program = resolve(import.meta.dirname, '../scripts/run-function.mjs');
const startsEach = 15;
const secret = 'a secret of this benchmark';

const aims = {
  bundled: { kib: 300, says: 'within the bundle' },
  runtime: { kib: 150, says: 'of the runtime' },
} as const;
const firstEventMsMax = 120;

export async function measureFunctions(): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-functions-'));
  // Where Lambda's runtime has its SDK: in a folder that the code finds by its name.
  symlinkSync(resolve(import.meta.dirname, '../node_modules'), join(folder, 'node_modules'));
  const server = await startAws();
  const { port } = server.address() as AddressInfo;
  const rows: Row[] = [await startOfNode()];
  try {
    for (const sdk of ['bundled', 'runtime'] as const) {
      const outDirectory = join(folder, sdk);
      const configuration = awsConfiguration();
      const bundles = await bundleFunctions({
        configuration,
        outDirectory,
        sdk,
        secretsStore: 'secretsManager',
      });
      rows.push(sizes(bundles, sdk));
      for (const [name, event] of Object.entries(events)) {
        const bundle = bundles.find((one) => one.name === name);
        if (bundle) rows.push(await firstEvent(bundle, event, sdk, port));
      }
    }
  } finally {
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  }
  return rows;
}

function sizes(bundles: readonly BundledFunction[], sdk: keyof typeof aims): Row {
  const sorted = bundles.toSorted((a, b) => a.zippedBytes - b.zippedBytes);
  const shown = [sorted[0], sorted.at(-1)].map(
    (bundle) => `${bundle?.name} ${((bundle?.zippedBytes ?? 0) / 1_024).toFixed(0)} KiB`,
  );
  return {
    figure: `a function, zipped, SDK ${aims[sdk].says}`,
    aim: `≤ ${aims[sdk].kib} KiB`,
    measured: shown.join(' to '),
  };
}

/** Of Node alone, with nothing to load: what no function can be faster than. */
async function startOfNode(): Promise<Row> {
  const starts: Start[] = [];
  for (let i = 0; i < startsEach; i += 1) starts.push(await timed(['-e', alone], '', {}));
  return { figure: 'start of Node alone', aim: '–', measured: shownStarts(starts) };
}

async function firstEvent(
  { name, kind, directory }: BundledFunction,
  event: unknown,
  sdk: keyof typeof aims,
  port: number,
): Promise<Row> {
  const env: Record<string, string> = {
    ...Object.fromEntries(variables[kind].map((variable) => [variable, environment(port)[variable] ?? ''])),
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  };
  const starts: Start[] = [];
  const file = join(directory, 'index.mjs');
  for (let i = 0; i < startsEach; i += 1)
    starts.push(await timed([program, file], JSON.stringify([event]), env));
  return {
    figure: `${name}: start of Node to its first event handled, SDK ${aims[sdk].says}`,
    aim: sdk === 'bundled' ? `< ${firstEventMsMax} ms` : '–',
    measured: shownStarts(starts),
  };
}

interface Start {
  /** From the call that starts the process until it has answered. */
  tookMs: number;
  /** Of a processor, which says more than the time on a machine that does other things too. */
  cpuMs: number;
}

const alone =
  'const { user, system } = process.cpuUsage(); fs.writeSync(3, JSON.stringify({ cpuMs: (user + system) / 1000 }))';

function shownStarts(starts: readonly Start[]): string {
  const tookMs = starts.map((start) => start.tookMs);
  const cpuMs = median(starts.map((start) => start.cpuMs));
  return `${shownMs(median(tookMs))} (p95 ${shownMs(percentile(tookMs, 0.95))}; of a processor ${shownMs(cpuMs)})`;
}

function timed(args: readonly string[], input: string, env: Record<string, string>): Promise<Start> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { env, stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
    let told = '';
    let answeredAt = 0;
    child.stdio[3]?.on('data', (chunk: Buffer) => {
      told += String(chunk);
      answeredAt ||= performance.now();
    });
    child.once('error', reject);
    child.once('close', () => {
      if (told.includes('"error"')) reject(new Error(`a function failed: ${told}`));
      const { cpuMs } = JSON.parse(told.trim().split('\n').at(-1) ?? '') as { cpuMs: number };
      resolve({ tookMs: answeredAt - startedAt, cpuMs });
    });
    child.stdin?.end(input);
  });
}

// ---- An AWS that answers at once

function startAws(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += String(chunk);
    });
    request.on('end', () => {
      const [type, text] = answerOf(String(request.headers['x-amz-target'] ?? ''), body);
      response.writeHead(200, { 'content-type': type });
      response.end(text);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}

/** Made at the very first start of a deployment, and only read at all others. */
const deploymentItem = JSON.stringify({
  Item: {
    pk: { S: 'D' },
    sk: { S: 'D' },
    item: { S: JSON.stringify({ prefix: 'ab12x', claimKey: randomBytes(32).toString('base64') }) },
    version: { N: '1' },
  },
});

/** The table knows the deployment, is empty else, and takes everything; topics and queues take every message. */
function answerOf(target: string, body: string): [type: string, text: string] {
  const json = 'application/x-amz-json-1.0';
  if (target.endsWith('GetSecretValue'))
    return [json, JSON.stringify({ SecretString: JSON.stringify({ current: secret }) })];
  if (target.endsWith('SendMessageBatch')) {
    const { Entries } = JSON.parse(body) as { Entries: { Id: string }[] };
    return [json, JSON.stringify({ Successful: Entries.map(({ Id }) => ({ Id, MessageId: Id })) })];
  }
  if (target.endsWith('GetItem') && body.includes('"D"')) return [json, deploymentItem];
  if (target !== '') return [json, '{}'];
  const ids = [...new URLSearchParams(body)].flatMap(([key, value]) => (key.endsWith('.Id') ? value : []));
  const members = ids.map((id) => `<member><Id>${id}</Id><MessageId>${id}</MessageId></member>`).join('');
  return [
    'text/xml',
    `<PublishBatchResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishBatchResult><Successful>${members}` +
      '</Successful><Failed/></PublishBatchResult></PublishBatchResponse>',
  ];
}

function environment(port: number): Record<string, string> {
  const arn = (service: string, name: string) => `arn:aws:${service}:us-east-1:123456789012:${name}`;
  const queue = (name: string) => `http://127.0.0.1:${port}/123456789012/${name}`;
  return {
    LOG_LEVEL: 'warn',
    METRICS_NAMESPACE: 'GitHubRunners/bench',
    JOBS_TABLE: 'jobs',
    GITHUB_NAME: 'github.com',
    GITHUB_API_URL: 'https://github.invalid',
    GITHUB_ADDRESSES_ONLY: 'false',
    CLAIM_URL: 'https://api.invalid/runners/claim',
    HOST: 'lab',
    ACCOUNT_ID: '123456789012',
    REGION: 'us-east-1',
    TRACE_SAMPLE_RATIO: '0',
    PUBLISHER_TOPIC_ARN: arn('sns', 'publisher.fifo'),
    JOBS_TOPIC_ARN: arn('sns', 'jobs'),
    TIMER_QUEUE_URL: queue('timer'),
    STEPS_QUEUE_URL: queue('steps'),
    QUEUE_URL: queue('own'),
    WEBHOOK_SECRET_ARN: arn('secretsmanager', 'secret:webhook'),
    APP_SECRET_ARN: arn('secretsmanager', 'secret:app'),
  };
}

// ---- The events: each makes its function do what it is for

const webhookBody = JSON.stringify({
  action: 'queued',
  installation: { id: 7 },
  repository: { full_name: 'acme/app', private: true, owner: { login: 'acme', type: 'Organization' } },
  workflow_job: {
    id: 1,
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
    html_url: 'https://github.com/acme/app/actions/runs/2/job/1',
  },
});

const batchOf = (body: unknown) => ({
  Records: [
    {
      messageId: 'm',
      receiptHandle: 'h',
      body: JSON.stringify(body),
      attributes: { ApproximateReceiveCount: '1', MessageGroupId: 'lab' },
    },
  ],
});

const runner = 'ab12x-lab-lint-01arz3ndektsv4rrffq69g5fav';

const events: Readonly<Record<string, unknown>> = {
  webhook: {
    version: '2.0',
    routeKey: 'POST /webhooks/github',
    headers: {
      'X-Hub-Signature-256': `sha256=${createHmac('sha256', secret).update(webhookBody).digest('hex')}`,
      'X-GitHub-Event': 'workflow_job',
    },
    requestContext: { http: { method: 'POST', path: '/webhooks/github', sourceIp: '127.0.0.1' } },
    body: webhookBody,
    isBase64Encoded: false,
  },
  messenger: {
    Records: [
      {
        dynamodb: {
          SequenceNumber: '1',
          NewImage: {
            pk: { S: 'J#github.com#1' },
            sk: { S: 'J' },
            dirty: { S: 'lab#0' },
            change: { S: '1' },
          },
        },
      },
    ],
  },
  publisher: batchOf({ host: 'lab', items: [{ kind: 'job', key: 'github.com#1' }], recount: false, hops: 0 }),
  'launcher-lab-linux': batchOf({ status: 'launch', host: 'lab', os: 'linux', runner, launchBefore: 1 }),
};
