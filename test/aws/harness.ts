// The deployed system for a test: the synthesized templates on the emulator, the simulated GitHub and a park of three
// hosts around it. What a test waits for is a condition; while it waits, "a minute" passes each second, so that what
// only the Reconciler repairs is repaired soon.

import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  GetFunctionConfigurationCommand,
  LambdaClient,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { SNSClient } from '@aws-sdk/client-sns';
import {
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../../src/adapters/clock/system/random.ts';
import { createDynamoDbJobsTable } from '../../src/adapters/jobs-tables/dynamodb/index.ts';
import { awsSchema } from '../../src/config/aws.ts';
import { demandConfiguration } from '../../src/config/check.ts';
import type { HostName, PoolName } from '../../src/core/ids.ts';
import { exitStatus } from '../../src/deployments/aws/deploy/exit-status.ts';
import { redrive } from '../../src/deployments/aws/deploy/redrive.ts';
import { connect } from '../../src/deployments/aws/emulated/connection.ts';
import { functionsOf } from '../../src/deployments/aws/emulated/deploy/surroundings.ts';
import { type System, type SystemOptions, startSystem } from '../../src/deployments/aws/emulated/system.ts';
import { outputKeys } from '../../src/deployments/aws/outputs.ts';
import type { Clock, Random } from '../../src/ports/clock.ts';
import type { JobsTable } from '../../src/ports/jobs-table.ts';
import { plentyOfGitHub, quickHost } from '../end-to-end/harness.ts';

export const hosts = ['one', 'two', 'three'] as HostName[] as [HostName, HostName, HostName];
export const [one] = hosts;
export const [small, lint, large] = ['small', 'lint', 'large'] as PoolName[] as [
  PoolName,
  PoolName,
  PoolName,
];

/** Short, in the order of the defaults; on a busy machine a call of the emulator takes a tenth of a second. */
export const timing = {
  idleSeconds: 3,
  outboxSeconds: 5,
  uncountedSeconds: 5,
  idleBesideJobSeconds: 5,
  askAgainSeconds: 3,
  assignedSeconds: 5,
  orphanJobSeconds: 5,
  missingSeconds: 5,
};

export interface Trial extends System {
  clock: Clock;
  random: Random;
  table: JobsTable;
  sqs: SQSClient;
  /** By what they are called in the templates: `AsksQueue5E1B`. */
  queues: readonly Queue[];
  /** Functions that failed, and what mappings met. */
  failures: string[];
  /** While this is at work, a minute passes each second. */
  ticking<Result>(task: () => Promise<Result>): Promise<Result>;
  /** Until it holds; looked at as often as calls allow. */
  eventually(says: string, holds: () => Promise<boolean>, withinMs: number): Promise<void>;
  /**
   * Other settings of a queue or a function for as long as the task runs: time that is shortened. `harmless` is a
   * message that is sent first: the receive that waits already goes by the old setting.
   */
  withVisibility<Result>(
    queue: Queue,
    change: { seconds: number; harmless: string | null },
    task: () => Promise<Result>,
  ): Promise<Result>;
  withTimeout<Result>(logicalId: string, seconds: number, task: () => Promise<Result>): Promise<Result>;
}

export interface Queue {
  logicalId: string;
  url: string;
}

const tickMs = 1_000;
const askAgainMs = 200;
const failuresShown = 5;
const settleMs = 60_000;

export async function startTrial(options: Partial<SystemOptions> = {}): Promise<Trial> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const failures: string[] = [];
  const system = await startSystem({
    clock,
    random,
    onError: (name, error) => failures.push(`${name}: ${String(error)}`),
    configure: (park) =>
      demandConfiguration({
        github: plentyOfGitHub,
        timing,
        hosts: { one: quickHost(20, park), two: quickHost(12, park), three: quickHost(16, park) },
        pools: {
          small: { host: 'one', os: 'linux', labels: ['self-hosted', 'small'], limit: 20 },
          lint: { host: 'two', os: 'linux', labels: ['self-hosted', 'lint'], limit: 10 },
          large: { host: 'three', os: 'linux', labels: ['self-hosted', 'large'], limit: 16 },
        },
      }).configuration,
    // Each is a call of a door; what is true of one is true of all.
    machines: { milestones: ['registered'] },
    ...options,
  });
  const { cloud, deployed } = system;
  const sqs = connect(SQSClient, cloud.endpoint);
  const lambda = connect(LambdaClient, cloud.endpoint);
  const document = DynamoDBDocumentClient.from(connect(DynamoDBClient, cloud.endpoint));
  const table = createDynamoDbJobsTable({
    client: document,
    tableName: deployed.outputs[outputKeys.table] ?? '',
    deadlines: { ofJob: () => null, ofRunner: () => null },
    keepMs: 0,
    ...{ clock, random },
  });
  const queues = deployed.stacks.flatMap(({ template, resources }) =>
    Object.entries(template.Resources ?? {}).flatMap(([logicalId, { Type }]) =>
      Type === 'AWS::SQS::Queue' ? [{ logicalId, url: resources[logicalId] ?? '' }] : [],
    ),
  );

  async function ticking<Result>(task: () => Promise<Result>): Promise<Result> {
    let isOver = false;
    const ticks = (async () => {
      while (!isOver) {
        await system.tick().catch((error: unknown) => failures.push(`tick: ${String(error)}`));
        await clock.sleep(tickMs);
      }
    })();
    try {
      return await task();
    } finally {
      isOver = true;
      await ticks;
    }
  }

  async function setVisibility({ url }: Queue, seconds: number): Promise<number> {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['VisibilityTimeout'] }),
    );
    await sqs.send(
      new SetQueueAttributesCommand({ QueueUrl: url, Attributes: { VisibilityTimeout: String(seconds) } }),
    );
    return Number(Attributes?.['VisibilityTimeout']);
  }

  async function setTimeoutOf(logicalId: string, seconds: number): Promise<number> {
    const name = deployed.stacks.map(({ resources }) => resources[logicalId]).find(Boolean);
    const { Timeout: before = 0 } = await lambda.send(
      new GetFunctionConfigurationCommand({ FunctionName: name }),
    );
    await lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName: name, Timeout: seconds }));
    return before;
  }

  async function eventually(says: string, holds: () => Promise<boolean>, withinMs: number): Promise<void> {
    const until = clock.now() + withinMs;
    while (!(await holds())) {
      if (clock.now() > until)
        throw new Error(`waited ${withinMs} ms in vain: ${says}; ${await whatIsThere()}`);
      await clock.sleep(askAgainMs);
    }
  }

  /** For whoever waited in vain. */
  async function whatIsThere(): Promise<string> {
    const waiting = await Promise.all(
      queues.map(async (queue) => [queue.logicalId, await depthOf({ sqs }, queue)] as const),
    );
    const queued = waiting.filter(([, depth]) => depth > 0).map(([name, depth]) => `${depth} in ${name}`);
    return `${queued.join(', ') || 'all queues are empty'}; failures lately: ${failures.slice(-failuresShown).join('; ')}`;
  }

  return {
    ...system,
    ...{ clock, random, table, sqs, queues, failures, ticking },
    eventually,
    async withVisibility(queue, { seconds, harmless }, task) {
      const before = await setVisibility(queue, seconds);
      try {
        if (harmless !== null) {
          await send({ sqs }, queue, harmless);
          await eventually(
            'the harmless message is handled',
            async () => (await depthOf({ sqs }, queue)) === 0,
            settleMs,
          );
        }
        return await task();
      } finally {
        await setVisibility(queue, before);
      }
    },
    async withTimeout(logicalId, seconds, task) {
      const before = await setTimeoutOf(logicalId, seconds);
      try {
        return await task();
      } finally {
        await setTimeoutOf(logicalId, before);
      }
    },
    async stop() {
      await system.stop();
      for (const client of [sqs, lambda, document]) client.destroy();
    },
  };
}

// ---- What is left

/** Messages that wait, are in hand, or are delayed. */
export async function depthOf({ sqs }: Pick<Trial, 'sqs'>, { url }: Queue): Promise<number> {
  const names = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [...names] }),
  );
  return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
}

export async function depths(
  trial: Trial,
  which: (queue: Queue) => boolean,
): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for (const queue of trial.queues.filter(which)) {
    const depth = await depthOf(trial, queue);
    if (depth > 0) found[queue.logicalId] = depth;
  }
  return found;
}

/** Dead letters of queues, and what the stream could not bring. */
export const isDeadLetters = ({ logicalId }: Queue): boolean => /DeadLetters|Failures/.test(logicalId);

export function queueNamed({ queues }: Pick<Trial, 'queues'>, begins: string): Queue {
  const found = queues.find(({ logicalId }) => logicalId.startsWith(begins));
  if (found) return found;
  throw new Error(`no queue begins with ${begins}: ${queues.map(({ logicalId }) => logicalId).join(', ')}`);
}

/** What the ledger still counts on a host: nothing, when all is done. */
export async function countedOn({ table }: Pick<Trial, 'table'>, host: HostName): Promise<string[]> {
  const { ledger, lanes, runners } = await table.census(host);
  return [
    ...Object.entries(ledger?.pools ?? {}).flatMap(([pool, { coming, busy, ending, standby }]) => {
      const alive = coming + busy + ending + standby;
      return alive > 0 ? `pool ${pool} with ${alive} alive` : [];
    }),
    ...lanes.map(({ key }) => `lane ${key}`),
    ...runners.map(({ name, state }) => `runner ${name}, ${state}`),
  ];
}

export function functionNamed({ deployed }: Pick<Trial, 'deployed'>, begins: string): string {
  const found = functionsOf(deployed.stacks).find(({ logicalId }) => logicalId.startsWith(begins));
  if (found) return found.logicalId;
  throw new Error(`no function begins with ${begins}`);
}

/** What is in a queue just now, at most ten; it stays there. */
export async function bodiesIn({ sqs }: Pick<Trial, 'sqs'>, { url }: Queue): Promise<string[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, VisibilityTimeout: 0 }),
  );
  return Messages.flatMap(({ Body }) => Body ?? []);
}

export async function send({ sqs }: Pick<Trial, 'sqs'>, { url }: Queue, body: string): Promise<void> {
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }));
}

export async function purge({ sqs }: Pick<Trial, 'sqs'>, { url }: Queue): Promise<void> {
  await sqs.send(new PurgeQueueCommand({ QueueUrl: url }));
}

/** As `make redrive QUEUE=…` does. */
export async function redriveLike(trial: Trial, queue: string): Promise<string> {
  const { endpoint } = trial.cloud;
  const said: string[] = [];
  const clients = {
    cloudFormation: connect(CloudFormationClient, endpoint),
    sns: connect(SNSClient, endpoint),
    sqs: connect(SQSClient, endpoint),
  };
  const status = await redrive(
    { queue, dryRun: false },
    { clients, deployment: awsSchema.parse({}).stackName },
    {
      ...{ variables: {}, environmentFile: '', folder: '', fetch, ask: null },
      output: { say: (line) => said.push(line), progress: () => {} },
      ...{ clock: trial.clock, random: trial.random, signal: new AbortController().signal },
    },
  );
  for (const client of Object.values(clients)) client.destroy();
  if (status !== exitStatus.done) throw new Error(`redrive ended with ${status}: ${said.join('\n')}`);
  return said.join('\n');
}
