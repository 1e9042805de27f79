// One function of the table in functions.ts: its code, its role, its environment, and what starts it where that is a
// queue. The role's policy is written out in the role, so that one look at it tells all that the function may do.

import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnEventSourceMapping,
  Code,
  RecursiveLoop,
  Runtime,
  Function as StationFunction,
} from 'aws-cdk-lib/aws-lambda';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Duration, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { Wildcard } from '../../../adapters/hosts/infrastructure.ts';
import type { OperatingSystem } from '../../../core/configuration.ts';
import { type FunctionKind, functions } from '../functions.ts';
import { environmentOf, mergedEnvironment, permissionsOf, type Shared } from './shared.ts';

/** Where a function's bundle is. */
export interface FunctionCode {
  kind: FunctionKind;
  host: string | null;
  os: OperatingSystem | null;
  directory: string;
}

export interface StationFunctionProps {
  kind: FunctionKind;
  shared: Shared;
  code: FunctionCode;
  logs: ILogGroup;
  queue?: IQueue;
  host?: string;
  /** What its hosts add. */
  permissions?: readonly PolicyStatement[];
  wildcards?: readonly Wildcard[];
  environment?: Readonly<Record<string, string>>;
}

export function createStationFunction(scope: Construct, props: StationFunctionProps): StationFunction {
  const { kind, shared, code, logs } = props;
  const { says, memoryMb, timeoutSeconds, recursiveLoop, trigger } = functions[kind];
  const own = { ...(props.queue && { queue: props.queue }), ...(props.host && { host: props.host }) };
  const role = new Role(scope, 'Role', {
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      Own: new PolicyDocument({
        // Hosts of one type ask for much the same; a role's policies have room for 10,240 characters.
        minimize: true,
        statements: [
          writeLogs(logs),
          ...permissionsOf(kind, shared, own),
          ...(props.permissions ?? []).map(unnamed),
        ],
      }),
    },
  });
  for (const { resource, reason } of props.wildcards ?? []) {
    Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
  }
  return new StationFunction(scope, 'Function', {
    description: props.host ? `${says} (${props.host}, ${code.os})` : says,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromAsset(code.directory),
    memorySize: memoryMb,
    timeout: Duration.seconds(timeoutSeconds),
    role,
    logGroup: logs,
    environment: mergedEnvironment([environmentOf(kind, shared, own), props.environment ?? {}]),
    // What starts again by itself in a minute is not tried again.
    ...(trigger.kind === 'schedule' && {
      retryAttempts: 0,
      maxEventAge: Duration.minutes(trigger.everyMinutes),
    }),
    recursiveLoop: recursiveLoop === 'Allow' ? RecursiveLoop.ALLOW : RecursiveLoop.TERMINATE,
  });
}

/** Two hosts of one type name their statements alike, and a policy takes a name once. */
function unnamed(permission: PolicyStatement): PolicyStatement {
  const copy = permission.copy();
  copy.sid = undefined;
  return copy;
}

function writeLogs(logs: ILogGroup): PolicyStatement {
  return new PolicyStatement({
    actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    resources: [logs.logGroupArn],
  });
}

/** Whoever handles a batch says which of its messages failed; the others are done. */
export const partialFailures = ['ReportBatchItemFailures'];

export function createQueueMapping(
  scope: Construct,
  station: StationFunction,
  queue: IQueue,
  kind: FunctionKind,
): void {
  const { trigger } = functions[kind];
  if (trigger.kind !== 'queue') throw new Error(`${kind} has no queue, by functions.ts`);
  new CfnEventSourceMapping(scope, 'Mapping', {
    functionName: station.functionName,
    eventSourceArn: queue.queueArn,
    batchSize: trigger.batchSizeMax,
    functionResponseTypes: partialFailures,
    ...(trigger.concurrencyMax !== null && {
      scalingConfig: { maximumConcurrency: trigger.concurrencyMax },
    }),
  });
}
