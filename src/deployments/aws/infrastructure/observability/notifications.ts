// Who is told of an alarm: the topic that the settings name, or one that is made for their e-mail address, or nobody.

import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { ObservabilityProps } from '../observability-stack.ts';

/** KMS waits at least this long before it deletes a key. */
const keyWindowDays = 7;

/** What an alarm does when it goes off, and when it is over. Empty where nobody wants to know. */
export function createNotifications(
  scope: Construct,
  { settings, encryptionKey }: Pick<ObservabilityProps, 'settings' | 'encryptionKey'>,
): readonly IAlarmAction[] {
  if (settings.alarmTopicArn !== undefined)
    return [new SnsAction(Topic.fromTopicArn(scope, 'GivenTopic', settings.alarmTopicArn))];
  if (settings.alarmEmail === undefined) return [];
  const topic = new Topic(scope, 'Topic', {
    displayName: `Alarms of ${settings.stackName}`,
    masterKey: encryptionKey ?? createTopicKey(scope),
    enforceSSL: true,
  });
  topic.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['sns:Publish'],
      resources: [topic.topicArn],
      conditions: fromThisAccount(scope),
    }),
  );
  topic.addSubscription(new EmailSubscription(settings.alarmEmail));
  return [new SnsAction(topic)];
}

/**
 * AWS's own key for SNS does not admit CloudWatch, so an encrypted topic of alarms needs one that does: US$ 1 a month,
 * and only where a topic is made. [AWS: CloudWatch alarms and encrypted topics]
 */
function createTopicKey(scope: Construct): IKey {
  const key = new Key(scope, 'TopicKey', {
    description: 'Alarms on their way to the topic that tells of them',
    enableKeyRotation: true,
    pendingWindow: Duration.days(keyWindowDays),
    removalPolicy: RemovalPolicy.DESTROY,
  });
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
      conditions: fromThisAccount(scope),
    }),
  );
  return key;
}

function fromThisAccount(scope: Construct) {
  return { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } };
}
