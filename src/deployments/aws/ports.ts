// How each port is made on AWS, from the environment of a function. One function for each port, and nothing made
// before it is called, so that the bundler leaves out of a function what it does not use. Everything here is called
// once in each environment, when it begins: a function has a whole processor then, and its share of one afterwards.

import { env, stdout } from 'node:process';
import type { SNSClient } from '@aws-sdk/client-sns';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { createDynamoDbBudgets } from '../../adapters/budgets/dynamodb/index.ts';
import { createSystemClock } from '../../adapters/clock/system/index.ts';
import { createSystemRandom } from '../../adapters/clock/system/random.ts';
import { createDynamoDbClient, createDynamoDbJobsTable } from '../../adapters/jobs-tables/dynamodb/index.ts';
import { createEmfTelemetry, type EmfTelemetry } from '../../adapters/telemetry/emf/index.ts';
import {
  createSnsClient,
  createSnsTopic,
  createSqsClient,
  createSqsQueue,
} from '../../adapters/topics/aws/index.ts';
import type { PackedSpans } from '../../adapters/tracers/queue/index.ts';
import type { HostSettings } from '../../core/configuration.ts';
import { gitHubName, type HostName } from '../../core/ids.ts';
import type { Order } from '../../core/order.ts';
import type { Wake } from '../../flow/messenger/handler.ts';
import type { Notification } from '../../flow/notification.ts';
import type { Step } from '../../flow/reconciler/message.ts';
import type { Budgets } from '../../ports/budgets.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { Host } from '../../ports/host.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Topic } from '../../ports/queue.ts';
import type { Tracer } from '../../ports/tracer.ts';
import { makeDeployment } from '../make-deployment.ts';
import { allMetrics } from '../metrics.ts';
import { type Context, deadlinesOf } from '../stations.ts';
import { readBundled } from './bundled.ts';
import type { Environment } from './environment.ts';
import type { HostOpeners, Store } from './host-opener.ts';

/** What every function has. */
export interface World {
  clock: Clock;
  random: Random;
  telemetry: EmfTelemetry;
}

type Told = Pick<Environment, 'LOG_LEVEL' | 'METRICS_NAMESPACE'>;

export function openWorld({ LOG_LEVEL, METRICS_NAMESPACE }: Told): World {
  const clock = createSystemClock();
  const telemetry = createEmfTelemetry({
    // Lambda keeps what a function writes as its log, a line an entry.
    write: (line) => stdout.write(line),
    namespace: METRICS_NAMESPACE,
    metrics: allMetrics,
    clock,
    level: LOG_LEVEL,
    fields: { function: env['AWS_LAMBDA_FUNCTION_NAME'] ?? 'unknown' },
  });
  return { clock, random: createSystemRandom(), telemetry };
}

/** The table with its budgets, and who we are, which is kept there. */
export interface Opened {
  context: Context & { telemetry: EmfTelemetry };
  table: JobsTable;
  budgets: () => Budgets;
  store: Store;
}

/** A function's way to its own queue, for a message that is to come back at its own time. */
export function queueOf(
  { clock, telemetry }: Pick<World, 'clock' | 'telemetry'>,
  { QUEUE_URL }: Pick<Environment, 'QUEUE_URL'>,
  name: string,
) {
  return { client: sqs(), queueUrl: QUEUE_URL, queue: name, clock, telemetry };
}

export async function openTable(
  environment: Pick<Environment, 'JOBS_TABLE' | 'GITHUB_NAME'> & Told,
  world: World = openWorld(environment),
): Promise<Opened> {
  const { configuration, traits } = readBundled();
  const store = { client: createDynamoDbClient({}), tableName: environment.JOBS_TABLE };
  const options = { ...world, ...store };
  const table = createDynamoDbJobsTable({
    ...options,
    deadlines: deadlinesOf(configuration, (host) => traits[host]),
    keepMs: configuration.timing.keepMs,
  });
  const deployment = await table.deployment(makeDeployment);
  return {
    context: { ...world, configuration, gitHubName: gitHubName(environment.GITHUB_NAME), deployment },
    table,
    budgets: () => createDynamoDbBudgets(options),
    store,
  };
}

/** For a station that meets jobs for the first time, and so says whether their traces are kept. */
export function traced<Of extends Context>(
  context: Of,
  { TRACE_SAMPLE_RATIO: sampleRatio }: Pick<Environment, 'TRACE_SAMPLE_RATIO'>,
  tracer?: Tracer,
): Of {
  return { ...context, tracing: { sampleRatio, ...(tracer && { tracer }) } };
}

type Chance = Pick<World, 'clock' | 'random'>;

export function openPublisherTopic(
  { clock, random }: Chance,
  { PUBLISHER_TOPIC_ARN }: Pick<Environment, 'PUBLISHER_TOPIC_ARN'>,
): Topic<Notification> {
  return createSnsTopic({ client: sns(), topicArn: PUBLISHER_TOPIC_ARN, fifo: true, clock, random });
}

export function openJobsTopic(
  { clock, random }: Chance,
  { JOBS_TOPIC_ARN }: Pick<Environment, 'JOBS_TOPIC_ARN'>,
): Topic<Order> {
  return createSnsTopic({ client: sns(), topicArn: JOBS_TOPIC_ARN, fifo: false, clock, random });
}

export function openTimer(
  { clock, random }: Chance,
  { TIMER_QUEUE_URL }: Pick<Environment, 'TIMER_QUEUE_URL'>,
): Topic<Wake> {
  return createSqsQueue({ client: sqs(), queueUrl: TIMER_QUEUE_URL, fifo: false, clock, random });
}

export function openSteps(
  { clock, random }: Chance,
  { STEPS_QUEUE_URL }: Pick<Environment, 'STEPS_QUEUE_URL'>,
): Topic<Step> {
  return createSqsQueue({ client: sqs(), queueUrl: STEPS_QUEUE_URL, fifo: false, clock, random });
}

export function openTracesQueue(
  { clock, random }: Chance,
  { TRACES_QUEUE_URL }: Pick<Environment, 'TRACES_QUEUE_URL'>,
): Topic<PackedSpans> {
  return createSqsQueue({ client: sqs(), queueUrl: TRACES_QUEUE_URL, fifo: false, clock, random });
}

let snsClient: SNSClient | null = null;
let sqsClient: SQSClient | null = null;

/** One client for all topics, one for all queues: they share connections. */
function sns(): SNSClient {
  snsClient ??= createSnsClient({});
  return snsClient;
}

function sqs(): SQSClient {
  sqsClient ??= createSqsClient({});
  return sqsClient;
}

/** The hosts of the configuration, or the one that is named, each opened by its type. */
export function openHosts(
  openers: HostOpeners,
  { context, store }: Pick<Opened, 'context' | 'store'>,
  only?: string,
): ReadonlyMap<HostName, Host> {
  const { configuration, clock, random, deployment } = context;
  const wanted = configuration.hosts.filter(({ name }) => only === undefined || name === only);
  return new Map(
    wanted.map((settings) => {
      const given = { settings, deployment: deployment.prefix, store, clock, random, environment: env };
      return [settings.name, openerOf(openers, settings).open(given)];
    }),
  );
}

function openerOf(openers: HostOpeners, { name, type }: HostSettings) {
  const opener = openers[type];
  if (opener) return opener;
  throw new Error(
    `host ${name} is of type ${type}, and this function was bundled for ${Object.keys(openers).join(', ')}: ` +
      'its code and its configuration are of different deploys. Remedy: deploy again.',
  );
}

export function hostNamed(
  hosts: ReadonlyMap<HostName, Host>,
  name: string,
): { hostName: HostName; host: Host } {
  const host = hosts.get(name as HostName);
  if (host) return { hostName: name as HostName, host };
  throw new Error(
    `HOST is ${name}, which is none of the configuration's hosts: the function and its configuration are of ` +
      'different deploys. Remedy: deploy again.',
  );
}
