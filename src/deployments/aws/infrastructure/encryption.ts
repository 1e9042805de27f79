// What is encrypted with what. By default each service uses a key of its own or of AWS's, which costs nothing: DynamoDB,
// SQS, CloudWatch Logs and Secrets Manager encrypt whatever they store. SNS does so only when it is named a key; AWS's
// own, `alias/aws/sns`, admits whoever in the account may publish, and is asked for a data key once in five minutes. It
// does not admit other services of AWS's, so a topic that alarms publish to needs another. [AWS: SNS, Data encryption]

import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Alias, type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { type ILogGroup, LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { AwsSettings } from '../../../config/aws.ts';

/** KMS waits at least this long before it deletes a key. */
const keyWindowDays = 7;

/** One key for all, or `null` where AWS's own are to do. */
export function createEncryptionKey(scope: Construct, id: string, settings: AwsSettings): Key | null {
  if (settings.encryption === 'aws') return null;
  const key = new Key(scope, id, {
    description: `Everything that the deployment ${settings.stackName} stores`,
    enableKeyRotation: true,
    pendingWindow: Duration.days(keyWindowDays),
    removalPolicy: settings.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
  });
  for (const statement of serviceStatements(Stack.of(scope))) key.addToResourcePolicy(statement);
  return key;
}

/** Services that use the key by themselves: SNS on its way to a queue, alarms on their way to a topic, and logs. */
function serviceStatements({ account, region, partition }: Stack): PolicyStatement[] {
  return [
    new PolicyStatement({
      principals: [
        new ServicePrincipal('sns.amazonaws.com'),
        new ServicePrincipal('cloudwatch.amazonaws.com'),
      ],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
    new PolicyStatement({
      principals: [new ServicePrincipal(`logs.${region}.amazonaws.com`)],
      actions: ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'],
      resources: ['*'],
      conditions: {
        ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:*` },
      },
    }),
  ];
}

/** What a topic is encrypted with. */
export function topicKey(scope: Construct, key: IKey | null): IKey {
  return key ?? Alias.fromAliasName(scope, 'SnsKey', 'alias/aws/sns');
}

export interface LogProps {
  settings: Pick<AwsSettings, 'logRetentionDays' | 'retain'>;
  encryptionKey: IKey | null;
}

export function createLogGroup(
  scope: Construct,
  id: string,
  { settings, encryptionKey }: LogProps,
): ILogGroup {
  return new LogGroup(scope, id, {
    // Its members are numbers of days.
    retention: settings.logRetentionDays as RetentionDays,
    removalPolicy: settings.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    ...(encryptionKey && { encryptionKey }),
  });
}
