// What tells people that something is wrong: alarms, who is told, and a dashboard of the same figures. It reads what the
// other stacks made and changes none of it. docs/guides/operate-on-aws.md says what each alarm means and what to do.

import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { AwsSettings } from '../../../config/aws.ts';
import type { HostSettings } from '../../../core/configuration.ts';
import type { FunctionKind } from '../functions.ts';
import { createAlarms } from './observability/alarms.ts';
import { createDashboard } from './observability/dashboard.ts';
import { createNotifications } from './observability/notifications.ts';

export interface ObservabilityProps {
  settings: AwsSettings;
  encryptionKey: IKey | null;
  hosts: readonly Pick<HostSettings, 'name' | 'limit'>[];
  /** Every function of the deployment. */
  functions: readonly WatchedFunction[];
  /** Every queue with its dead letters. */
  queues: readonly WatchedQueue[];
  /** Records of the stream that could not be handled. */
  streamFailures: Pick<IQueue, 'queueName'>;
  tableName: string;
  apiId: string;
  /** Of the function that measures. */
  stepsLogGroupName: string;
}

export interface WatchedFunction {
  kind: FunctionKind;
  /** What tells it from others in names: `publisher`, or `launcher-fast-linux`. */
  name: string;
  function: Pick<IFunction, 'functionName'>;
}

export interface WatchedQueue {
  /** `publisher`, or `launch-fast-linux`. */
  name: string;
  queue: Pick<IQueue, 'queueName'>;
  deadLetters: Pick<IQueue, 'queueName'>;
}

/** A stack of its own: a deployment of thirty pairs of a host and a system has hundreds of alarms. */
export class ObservabilityStack extends Stack {
  constructor(scope: Construct, id: string, props: ObservabilityProps & StackProps) {
    const { description } = props;
    super(scope, id, { ...(description !== undefined && { description }) });
    const actions = createNotifications(this, props);
    const alarms = createAlarms(this, props, actions);
    createDashboard(this, props, alarms);
  }
}
