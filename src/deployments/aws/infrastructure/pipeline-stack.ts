// The pipeline: the table, the topics and queues between the stations, and every function that is there once. The
// Orchestrator's, of which each host and operating system has its own, are in the stacks behind this one.

import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnEventSourceMapping, type Function as StationFunction } from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { CfnOutput, Duration, Stack, type StackProps, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostInfrastructure, Wildcard } from '../../../adapters/hosts/infrastructure.ts';
import { createJobsTable } from '../../../adapters/jobs-tables/dynamodb/infrastructure.ts';
import type { AwsSettings } from '../../../config/aws.ts';
import type { Configuration } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import { type FunctionKind, functions } from '../functions.ts';
import { outputKeys } from '../outputs.ts';
import type { CodeOf } from './code.ts';
import { createEncryptionKey, createLogGroup, topicKey } from './encryption.ts';
import { createHttpApi, routeOf } from './http-api.ts';
import { createFailureQueue, createQueue } from './queues.ts';
import { createSecret } from './secrets.ts';
import { type GitHubNames, mergedEnvironment, type Shared, type Watched } from './shared.ts';
import {
  createQueueMapping,
  createStationFunction,
  partialFailures,
  type StationFunctionProps,
} from './station-function.ts';
import { createTopic, subscribe } from './topics.ts';

export interface PipelineStackProps extends StackProps {
  configuration: Configuration;
  settings: AwsSettings;
  gitHub: GitHubNames;
  codeOf: CodeOf;
  hosts: ReadonlyMap<HostName, HostInfrastructure>;
}

/**
 * Batches of one shard that are at work at a time, by their items' keys: a record that always fails holds a quarter
 * of the shard's items up while it is tried again.
 */
const streamParallelization = 4;

/** What fails so often fails always, and the sweep of uncounted items notifies again meanwhile. */
const streamRetriesMax = 5;

/** Older changes have been swept up long before. */
const streamRecordSecondsMax = 600;

export class PipelineStack extends Stack {
  readonly shared: Shared;
  readonly watched: Watched = { functions: [], queues: [] };
  readonly stepsLogs: ILogGroup;
  readonly streamFailures: Queue;
  readonly apiId: string;

  constructor(scope: Construct, id: string, props: PipelineStackProps) {
    const { configuration, settings, gitHub, codeOf, hosts, ...stackProps } = props;
    super(scope, id, stackProps);
    const encryptionKey = createEncryptionKey(this, 'Key', settings);
    const snsKey = topicKey(this, encryptionKey);

    // ---- What stations share

    const publisher = new Construct(this, 'Publisher');
    const waker = new Construct(this, 'Waker');
    const steps = new Construct(this, 'Steps');
    const asks = new Construct(this, 'Asks');
    const queues = {
      publisher: createQueue(publisher, { kind: 'publisher', of: 'publisher', encryptionKey }),
      timer: createQueue(waker, { kind: 'timer', of: 'waker', encryptionKey }),
      steps: createQueue(steps, { kind: 'steps', of: 'steps', encryptionKey }),
      asks: createQueue(asks, { kind: 'asks', of: 'asks', encryptionKey }),
    };
    const tracer = settings.tracing ? new Construct(this, 'Tracer') : null;
    const traces = tracer && createQueue(tracer, { kind: 'traces', of: 'tracer', encryptionKey });
    for (const [name, made] of Object.entries({ ...queues, ...(traces && { traces }) }))
      this.watched.queues.push({ name, ...made });
    const publisherTopic = createTopic(this, 'PublisherTopic', { fifo: true, key: snsKey });
    const jobsTopic = createTopic(this, 'JobsTopic', { fifo: false, key: snsKey });
    subscribe(publisher, { topic: publisherTopic, queue: queues.publisher.queue });
    subscribe(asks, { topic: jobsTopic, queue: queues.asks.queue, only: { Status: ['ask'] } });
    const secret = (name: string, says: string) => ({ name, says, settings, encryptionKey });
    const shared: Shared = {
      settings,
      gitHub,
      table: createJobsTable(this, 'Table', { encryptionKey, retain: settings.retain }),
      publisherTopic,
      jobsTopic,
      timer: queues.timer.queue,
      steps: queues.steps.queue,
      traces: traces?.queue ?? null,
      webhookSecret: createSecret(
        this,
        'WebhookSecret',
        secret('webhook', 'What GitHub signs webhooks with: { current, previous }'),
      ),
      appSecret: createSecret(this, 'AppSecret', secret('app', 'The GitHub App: { appId, privateKey }')),
      encryptionKey,
      claimUrl: () => api.apiEndpoint + routeOf('claim').path,
    };
    this.shared = shared;

    // ---- Functions

    const station = (
      kind: FunctionKind,
      scope: Construct,
      more: Pick<StationFunctionProps, 'queue' | 'permissions' | 'wildcards' | 'environment'> = {},
      logs = createLogGroup(scope, 'Logs', { settings, encryptionKey }),
    ) => {
      const code = codeOf(kind);
      const made = createStationFunction(scope, { kind, shared, code, logs, ...more });
      this.watched.functions.push({ kind, name: kind, function: made });
      if (more.queue) createQueueMapping(scope, made, more.queue, kind);
      return made;
    };
    const doors = new Map(
      (['webhook', 'claim', 'milestones'] as const).map((kind) => [
        kind,
        station(kind, new Construct(this, capitalised(kind))),
      ]),
    );
    const hostEvents = new Construct(this, 'HostEvents');
    const messenger = new Construct(this, 'Messenger');
    const gatherer = new Construct(this, 'Gatherer');
    const tick = new Construct(this, 'Tick');
    station('publisher', publisher, { queue: queues.publisher.queue });
    station('waker', waker, { queue: queues.timer.queue });
    this.stepsLogs = createLogGroup(steps, 'Logs', { settings, encryptionKey });
    station('steps', steps, { queue: queues.steps.queue, ...allOf(hosts) }, this.stepsLogs);
    station('asks', asks, { queue: queues.asks.queue });
    if (tracer && traces) station('tracer', tracer, { queue: traces.queue, wildcards: ofXRay(settings) });

    // ---- What starts those that have no queue

    const api = createHttpApi(this, 'Api', {
      name: settings.stackName,
      doors,
      logs: createLogGroup(this, 'ApiLogs', { settings, encryptionKey }),
    });
    this.apiId = api.apiId;
    this.streamFailures = createFailureQueue(messenger, encryptionKey);
    const permissions = [sendTo(this.streamFailures)];
    for (const [kind, scope] of [
      ['messenger', messenger],
      ['gatherer', gatherer],
    ] as const)
      mapStream(kind, scope, station(kind, scope, { permissions }), shared, this.streamFailures);
    createSchedule(tick, 'tick', station('tick', tick));
    const building = imagesOf(hosts);
    if (building) {
      const images = new Construct(this, 'Images');
      const keeper = station('images', images, building);
      createSchedule(images, 'images', keeper);
      createDeployRule(images, keeper);
    }
    const { wildcards } = allOf(hosts);
    const lookUps = [...hosts.values()].flatMap(({ eventPermissions = [] }) => eventPermissions);
    const listens = { permissions: lookUps, wildcards };
    createEventRules(hostEvents, station('hostEvents', hostEvents, listens), hosts);

    // ---- What people and commands are told

    const tell = (key: string, value: string) =>
      new CfnOutput(this, `${key}Output`, { value }).overrideLogicalId(key);
    tell(outputKeys.webhookUrl, api.apiEndpoint + routeOf('webhook').path);
    tell(outputKeys.table, shared.table.ref);
    tell(outputKeys.publisherTopic, publisherTopic.topicArn);
    tell(outputKeys.webhookSecret, shared.webhookSecret.arn);
    tell(outputKeys.appSecret, shared.appSecret.arn);
    tell(outputKeys.hosts, configuration.hosts.map(({ name }) => name).join(','));
    tell(outputKeys.streamFailures, this.streamFailures.queueUrl);
  }
}

function ofXRay({ tracing }: AwsSettings): Wildcard[] {
  if (tracing?.to !== 'xray') return [];
  return [
    { resource: '*', reason: 'Spans are written to the account, and to no resource of it that has a name.' },
  ];
}

/** For the function that keeps images new; `null`: no host has any built. */
function imagesOf(hosts: ReadonlyMap<HostName, HostInfrastructure>) {
  const all = [...hosts.values()].flatMap(({ images = [] }) => images);
  if (all.length === 0) return null;
  return {
    permissions: all.flatMap(({ permissions }) => permissions),
    wildcards: all.flatMap(({ wildcards = [] }) => wildcards),
    environment: mergedEnvironment(all.map(({ environment }) => environment)),
  };
}

/** For the function that looks at every host. */
function allOf(hosts: ReadonlyMap<HostName, HostInfrastructure>) {
  const all = [...hosts.values()];
  return {
    permissions: all.flatMap(({ permissions }) => permissions),
    wildcards: all.flatMap(({ wildcards = [] }) => wildcards),
    environment: mergedEnvironment(all.map(({ environment }) => environment)),
  };
}

/** Only what is not counted comes through, so that the Publisher's own writes cost no call. See changes.ts. */
function uncountedAlone(calm: boolean) {
  return { dynamodb: { NewImage: { dirty: { S: [{ exists: true }] }, calm: { S: [{ exists: calm }] } } } };
}

/** The mapping sends in the function's name. */
function sendTo(queue: Queue): PolicyStatement {
  return new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [queue.queueArn] });
}

function mapStream(
  kind: 'messenger' | 'gatherer',
  scope: Construct,
  messenger: StationFunction,
  { table }: Shared,
  failures: Queue,
): void {
  const { trigger } = functions[kind];
  if (trigger.kind !== 'stream') throw new Error(`the ${kind} has no stream, by functions.ts`);
  Validations.of(scope).acknowledge({
    id: 'AwsSolutions-IAM5[Resource::<Table.Arn>/stream/*]',
    reason:
      "Lambda lists the streams of this one table; a stream's own name is not among what can be listed by.",
  });
  new CfnEventSourceMapping(scope, 'Mapping', {
    functionName: messenger.functionName,
    eventSourceArn: table.attrStreamArn,
    // Not the newest alone: what is written while the mapping is made counts too.
    startingPosition: 'TRIM_HORIZON',
    batchSize: trigger.batchSizeMax,
    maximumBatchingWindowInSeconds: trigger.windowSeconds,
    // What is gathered is gathered in one line: each would call the function for itself.
    parallelizationFactor: trigger.calm ? 1 : streamParallelization,
    bisectBatchOnFunctionError: true,
    maximumRetryAttempts: streamRetriesMax,
    maximumRecordAgeInSeconds: streamRecordSecondsMax,
    functionResponseTypes: partialFailures,
    destinationConfig: { onFailure: { destination: failures.queueArn } },
    filterCriteria: { filters: [{ pattern: JSON.stringify(uncountedAlone(trigger.calm)) }] },
  });
}

function createSchedule(scope: Construct, kind: 'tick' | 'images', station: StationFunction): void {
  const { trigger } = functions[kind];
  if (trigger.kind !== 'schedule') throw new Error(`the function ${kind} has no schedule, by functions.ts`);
  const every = Duration.minutes(trigger.everyMinutes);
  new Rule(scope, 'Schedule', {
    description: kind === 'tick' ? 'Starts the Reconciler' : 'Looks whether images are to be built',
    schedule: Schedule.rate(every),
    targets: [
      // The next one does what this one left undone.
      new LambdaFunction(station, {
        event: RuleTargetInput.fromObject({}),
        maxEventAge: every,
        retryAttempts: 0,
      }),
    ],
  });
}

/** As soon as this stack stands, which is before the functions that launch: they look for the images' parameters. */
function createDeployRule(scope: Construct, station: StationFunction): void {
  new Rule(scope, 'Deployed', {
    description: 'Looks whether images are to be built',
    eventPattern: {
      source: ['aws.cloudformation'],
      detailType: ['CloudFormation Stack Status Change'],
      detail: {
        'stack-id': [Stack.of(scope).stackId],
        'status-details': { status: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] },
      },
    },
    targets: [new LambdaFunction(station, { event: RuleTargetInput.fromObject({}) })],
  });
}

/** Hosts of one type may listen for the same, and the function asks all of them about each event: once is enough. */
function createEventRules(
  scope: Construct,
  hostEvents: StationFunction,
  hosts: ReadonlyMap<HostName, HostInfrastructure>,
): void {
  const heard = new Set<string>();
  for (const [name, { events }] of hosts) {
    for (const [at, eventPattern] of events.entries()) {
      const pattern = JSON.stringify(eventPattern);
      if (heard.has(pattern)) continue;
      heard.add(pattern);
      new Rule(scope, `${name}${at}`, {
        description: `What host ${name} says of its machines`,
        eventPattern,
        targets: [new LambdaFunction(hostEvents)],
      });
    }
  }
}

function capitalised(kind: FunctionKind): string {
  return kind.charAt(0).toUpperCase() + kind.slice(1);
}
