// The two secrets, each by itself, so that a function reads no more than it needs. They are made empty: what is in them
// is put there by the deploy command, and is never in a template.

import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { CfnSecret } from 'aws-cdk-lib/aws-secretsmanager';
import { RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { AwsSettings } from '../../../config/aws.ts';

export interface StoredSecret {
  arn: string;
  /** What reads it. */
  permission: PolicyStatement;
}

export interface SecretProps {
  /** In the name of a parameter: `/<stack name>/<name>`. */
  name: string;
  says: string;
  settings: AwsSettings;
  encryptionKey: IKey | null;
}

export function createSecret(scope: Construct, id: string, props: SecretProps): StoredSecret {
  return props.settings.secretsStore === 'secretsManager'
    ? inSecretsManager(scope, id, props)
    : inParameterStore(scope, props);
}

function inSecretsManager(scope: Construct, id: string, { says, encryptionKey }: SecretProps): StoredSecret {
  const secret = new CfnSecret(scope, id, {
    description: says,
    ...(encryptionKey && { kmsKeyId: encryptionKey.keyArn }),
  });
  secret.applyRemovalPolicy(RemovalPolicy.DESTROY);
  Validations.of(secret).acknowledge({
    id: 'AwsSolutions-SMG4',
    reason:
      'GitHub issues what is in it and has no way to issue another by itself: a person replaces it there, and the deploy command here.',
  });
  // At AWS the same as `Ref`, which emulators take for its name. [AWS::SecretsManager::Secret: return values]
  const arn = secret.attrId;
  return {
    arn,
    permission: new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [arn] }),
  };
}

/** CloudFormation makes no SecureString: the deploy command does, under this name. */
function inParameterStore(scope: Construct, { name, settings }: SecretProps): StoredSecret {
  const arn = Stack.of(scope).formatArn({
    service: 'ssm',
    resource: 'parameter',
    resourceName: `${settings.stackName}/${name}`,
  });
  return { arn, permission: new PolicyStatement({ actions: ['ssm:GetParameter'], resources: [arn] }) };
}
