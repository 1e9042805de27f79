// The AWS clients of the commands, all with the same region, endpoint, credentials and bounds.

import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { STSClient } from '@aws-sdk/client-sts';
import { XRayClient } from '@aws-sdk/client-xray';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDynamoDbClient } from '../../../adapters/jobs-tables/dynamodb/index.ts';

export interface Clients {
  cloudFormation: CloudFormationClient;
  cloudWatchLogs: CloudWatchLogsClient;
  dynamoDb: DynamoDBDocumentClient;
  secretsManager: SecretsManagerClient;
  sns: SNSClient;
  sqs: SQSClient;
  ssm: SSMClient;
  sts: STSClient;
  xray: XRayClient;
  close(): void;
}

/** A person waits, who would rather see three tries than a failure that is over in a second. */
const attemptsMax = 4;
const requestMsMax = 20_000;
const connectionMsMax = 5_000;

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * `variables` may hold credentials and a profile, from the environment or from `.env`; where it does not, the SDK
 * looks where it always does: shared files, single sign-on, the role of a container or machine.
 */
export function createClients(variables: Variables, region: string): Clients {
  const config = {
    ...identityOf(variables),
    region,
    ...(variables['AWS_ENDPOINT_URL'] ? { endpoint: variables['AWS_ENDPOINT_URL'] } : {}),
    maxAttempts: attemptsMax,
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: connectionMsMax,
      throwOnRequestTimeout: true,
    },
  } satisfies DynamoDBClientConfig;
  const clients = {
    cloudFormation: new CloudFormationClient(config),
    cloudWatchLogs: new CloudWatchLogsClient(config),
    dynamoDb: createDynamoDbClient(config),
    secretsManager: new SecretsManagerClient(config),
    sns: new SNSClient(config),
    sqs: new SQSClient(config),
    ssm: new SSMClient(config),
    sts: new STSClient(config),
    xray: new XRayClient(config),
  };
  return {
    ...clients,
    close() {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}

/** The region that the profile in use names, for those who set none. */
export async function regionOfProfile(variables: Variables): Promise<string | null> {
  const client = new STSClient(identityOf(variables));
  // It throws where nothing names one; that is said by whoever asks for it.
  const region = await client.config.region().catch(() => null);
  client.destroy();
  return region;
}

function identityOf(variables: Variables) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = variables;
  if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
    const sessionToken = AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {};
    return {
      credentials: {
        accessKeyId: AWS_ACCESS_KEY_ID,
        secretAccessKey: AWS_SECRET_ACCESS_KEY,
        ...sessionToken,
      },
    };
  }
  return AWS_PROFILE ? { profile: AWS_PROFILE } : {};
}
