// The client of DynamoDB as this system wants it: bounded in every direction, so that a call which does not come back
// is an error long before the function around it is killed.

import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';

/**
 * The first try and two more. The SDK waits 50 ms and 100 ms at most before them, and where it was throttled, 1 s and
 * 2 s: a third try would outlast a Publisher's run of 6 s. What is refused three times goes back to its queue.
 */
const attemptsMax = 3;
/** DynamoDB answers within 10 ms, and seldom within 500: a connection that is silent for longer is lost. */
const requestMsMax = 2_000;
/** A handshake of a function that has just begun, with little of a processor and much to load. */
const connectionMsMax = 2_000;

/** Once for each environment. `config` is what the place wants: region, endpoint, credentials. */
export function createDynamoDbClient(config: DynamoDBClientConfig): DynamoDBDocumentClient {
  const client = new DynamoDBClient({
    maxAttempts: attemptsMax,
    retryMode: 'standard',
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: connectionMsMax,
      throwOnRequestTimeout: true,
    },
    ...config,
  });
  return DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } });
}
