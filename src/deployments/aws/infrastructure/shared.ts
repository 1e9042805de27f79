// What functions of all stacks are told of and may reach. One table of permissions and one of variables turn what
// functions.ts and environment.ts say about a kind of function into its role's policy and its environment.

import type { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Aws, Stack } from 'aws-cdk-lib/core';
import { indexArns } from '../../../adapters/jobs-tables/dynamodb/infrastructure.ts';
import type { AwsSettings } from '../../../config/aws.ts';
import { tracingVariables, type VariableName, variables } from '../environment.ts';
import { type FunctionKind, type FunctionSpec, functions } from '../functions.ts';
import { metricsNamespace } from '../metrics-namespace.ts';
import type { WatchedFunction, WatchedQueue } from './observability-stack.ts';
import type { StoredSecret } from './secrets.ts';

export interface Shared {
  settings: AwsSettings;
  gitHub: GitHubNames;
  table: CfnTable;
  publisherTopic: ITopic;
  jobsTopic: ITopic;
  timer: IQueue;
  steps: IQueue;
  /** `null`: no traces are kept. */
  traces: IQueue | null;
  webhookSecret: StoredSecret;
  appSecret: StoredSecret;
  encryptionKey: IKey | null;
  /** Not read before the HTTP API is there. */
  claimUrl: () => string;
}

/** What a stack made that alarms look at. */
export interface Watched {
  functions: WatchedFunction[];
  queues: WatchedQueue[];
}

export interface GitHubNames {
  /** Lower case, as in every key: `github.com`. */
  name: string;
  apiUrl: string;
}

/** What is of one function alone. */
export interface Own {
  queue?: IQueue;
  host?: string;
}

/** Exactly the variables that the kind reads. */
export function environmentOf(kind: FunctionKind, shared: Shared, own: Own): Record<string, string> {
  const names: readonly VariableName[] = [
    ...variables[kind],
    ...(shared.traces ? (tracingVariables[kind] ?? []) : []),
  ];
  return Object.fromEntries(names.map((name) => [name, variableOf(name, shared, own)]));
}

function variableOf(name: VariableName, shared: Shared, { queue, host }: Own): string {
  switch (name) {
    case 'JOBS_TABLE':
      return shared.table.ref;
    case 'PUBLISHER_TOPIC_ARN':
      return shared.publisherTopic.topicArn;
    case 'JOBS_TOPIC_ARN':
      return shared.jobsTopic.topicArn;
    case 'TIMER_QUEUE_URL':
      return shared.timer.queueUrl;
    case 'STEPS_QUEUE_URL':
      return shared.steps.queueUrl;
    case 'QUEUE_URL':
      return demand(queue?.queueUrl, name);
    case 'WEBHOOK_SECRET_ARN':
      return shared.webhookSecret.arn;
    case 'APP_SECRET_ARN':
      return shared.appSecret.arn;
    case 'GITHUB_API_URL':
      return shared.gitHub.apiUrl;
    case 'GITHUB_NAME':
      return shared.gitHub.name;
    case 'GITHUB_ADDRESSES_ONLY':
      return String(shared.settings.gitHubAddressesOnly);
    case 'CLAIM_URL':
      return shared.claimUrl();
    case 'ACCOUNT_ID':
      return Aws.ACCOUNT_ID;
    case 'REGION':
      return Aws.REGION;
    case 'HOST':
      return demand(host, name);
    case 'TRACE_SAMPLE_RATIO':
      return String(shared.settings.tracing?.sampleRatio ?? 0);
    case 'TRACES_QUEUE_URL':
      return demand(shared.traces?.queueUrl, name);
    case 'TRACES_URL':
      return tracesUrl(shared.settings);
    case 'TRACES_HEADERS_SECRET_ARN':
      return shared.settings.tracing?.headersSecretArn ?? '';
    case 'METRICS_NAMESPACE':
      return metricsNamespace(shared.settings.stackName);
    case 'LOG_LEVEL':
      return shared.settings.logLevel;
    default:
      return name satisfies never;
  }
}

/** X-Ray's own, of the deployment's region, or what the settings name. */
function tracesUrl({ tracing }: AwsSettings): string {
  if (tracing?.to !== 'xray') return demand(tracing?.to, 'TRACES_URL');
  return `https://xray.${Aws.REGION}.${Aws.URL_SUFFIX}/v1/traces`;
}

/** Throws where two say different things under one name: one of them would go unheard. */
export function mergedEnvironment(
  environments: readonly Readonly<Record<string, string>>[],
): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of environments.flatMap(Object.entries<string>)) {
    if ((merged[name] ?? value) !== value) {
      throw new Error(
        `a function is given ${name} twice, with different values. Remedy: the hosts' infrastructure.ts has to ` +
          "name its variables after the host, as in `EC2_<HOST>_…`, and none as the system's own.",
      );
    }
    merged[name] = value;
  }
  return merged;
}

function demand(value: string | undefined, name: VariableName): string {
  if (value !== undefined) return value;
  throw new Error(`a function is to be given ${name}, and nothing here has it: see environment.ts`);
}

/** What the kind may do beside its own logs and its own hosts. */
export function permissionsOf(kind: FunctionKind, shared: Shared, own: Own): PolicyStatement[] {
  const spec = functions[kind];
  return [
    ...tablePermissions(spec, shared.table),
    ...sendPermissions(spec, shared),
    ...(spec.secret === 'webhook' ? [shared.webhookSecret.permission] : []),
    ...(spec.secret === 'app' ? [shared.appSecret.permission] : []),
    ...tracesPermissions(kind, shared),
    ...(own.queue ? [receivePermission(own.queue)] : []),
    ...(shared.encryptionKey ? [keyPermission(shared.encryptionKey, Stack.of(shared.table))] : []),
  ];
}

/** An index is only ever queried. */
function tablePermissions({ table: actions, trigger }: FunctionSpec, table: CfnTable): PolicyStatement[] {
  const onItems = actions.filter((action) => action !== 'Query').map((action) => `dynamodb:${action}`);
  return [
    ...(onItems.length > 0 ? [new PolicyStatement({ actions: onItems, resources: [table.attrArn] })] : []),
    ...(actions.includes('Query')
      ? [
          new PolicyStatement({
            actions: ['dynamodb:Query'],
            resources: [table.attrArn, ...indexArns(table)],
          }),
        ]
      : []),
    ...(trigger.kind === 'stream' ? streamPermissions(table) : []),
  ];
}

/** What Lambda's mapping asks for in the function's name. [AWS: Using Lambda with DynamoDB, execution role] */
function streamPermissions(table: CfnTable): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator'],
      resources: [table.attrStreamArn],
    }),
    new PolicyStatement({ actions: ['dynamodb:ListStreams'], resources: [`${table.attrArn}/stream/*`] }),
  ];
}

function sendPermissions({ sends }: FunctionSpec, shared: Shared): PolicyStatement[] {
  const topics = [
    ...(sends.includes('publisherTopic') ? [shared.publisherTopic.topicArn] : []),
    ...(sends.includes('jobsTopic') ? [shared.jobsTopic.topicArn] : []),
  ];
  const queues = [
    ...(sends.includes('timer') ? [shared.timer.queueArn] : []),
    ...(sends.includes('steps') ? [shared.steps.queueArn] : []),
  ];
  return [
    ...(topics.length > 0 ? [new PolicyStatement({ actions: ['sns:Publish'], resources: topics })] : []),
    ...(queues.length > 0 ? [new PolicyStatement({ actions: ['sqs:SendMessage'], resources: queues })] : []),
  ];
}

/** The Publisher sends spans; the tracer takes them to X-Ray, or reads the headers that a collector wants. */
function tracesPermissions(kind: FunctionKind, { traces, settings }: Shared): PolicyStatement[] {
  const { to, headersSecretArn } = settings.tracing ?? {};
  if (kind === 'publisher' && traces)
    return [new PolicyStatement({ actions: ['sqs:SendMessage'], resources: [traces.queueArn] })];
  if (kind !== 'tracer') return [];
  return [
    ...(to === 'xray' ? [new PolicyStatement({ actions: [...xrayActions], resources: ['*'] })] : []),
    ...(headersSecretArn === undefined
      ? []
      : [new PolicyStatement({ actions: [readAction(headersSecretArn)], resources: [headersSecretArn] })]),
  ];
}

/** What its OTLP endpoint asks for; none of them can be bounded to a resource. [AWS: actions of X-Ray] */
const xrayActions = ['xray:PutTraceSegments', 'xray:PutSpans', 'xray:PutSpansForIndexing'] as const;

function readAction(arn: string): string {
  return arn.split(':')[2] === 'ssm' ? 'ssm:GetParameter' : 'secretsmanager:GetSecretValue';
}

/** The mapping receives and deletes in the function's name; the function says when a message is to come again. */
function receivePermission(queue: IQueue): PolicyStatement {
  return new PolicyStatement({
    actions: [
      'sqs:ReceiveMessage',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ChangeMessageVisibility',
    ],
    resources: [queue.queueArn],
  });
}

/** Through the services that store, never by itself. */
function keyPermission(key: IKey, { region }: Stack): PolicyStatement {
  const services = ['dynamodb', 'sqs', 'sns', 'secretsmanager', 'ssm'];
  return new PolicyStatement({
    actions: [
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
    ],
    resources: [key.keyArn],
    conditions: {
      StringEquals: { 'kms:ViaService': services.map((name) => `${name}.${region}.amazonaws.com`) },
    },
  });
}
