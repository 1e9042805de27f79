// Topics, and how a queue is subscribed: to the message as it was sent, and to no other topic.

import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  FifoThroughputScope,
  type ITopic,
  Subscription,
  SubscriptionFilter,
  SubscriptionProtocol,
  Topic,
} from 'aws-cdk-lib/aws-sns';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

export function createTopic(
  scope: Construct,
  id: string,
  { fifo, key }: { fifo: boolean; key: IKey },
): Topic {
  return new Topic(scope, id, {
    masterKey: key,
    enforceSSL: true,
    // A pace for each group, so for each host.
    ...(fifo && { fifo, fifoThroughputScope: FifoThroughputScope.MESSAGE_GROUP }),
  });
}

export interface SubscribeProps {
  topic: ITopic;
  queue: Queue;
  /** Attributes and their values; without it every message comes. */
  only?: Readonly<Record<string, readonly string[]>>;
}

export function subscribe(scope: Construct, { topic, queue, only }: SubscribeProps): void {
  new Subscription(scope, 'Subscription', {
    topic,
    protocol: SubscriptionProtocol.SQS,
    endpoint: queue.queueArn,
    rawMessageDelivery: true,
    ...(only && { filterPolicy: filterOf(only) }),
  });
  queue.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('sns.amazonaws.com')],
      actions: ['sqs:SendMessage'],
      resources: [queue.queueArn],
      conditions: { ArnEquals: { 'aws:SourceArn': topic.topicArn } },
    }),
  );
}

function filterOf(only: Readonly<Record<string, readonly string[]>>) {
  return Object.fromEntries(
    Object.entries(only).map(([name, allowlist]) => [
      name,
      SubscriptionFilter.stringFilter({ allowlist: [...allowlist] }),
    ]),
  );
}
