// The clients of SNS and SQS as this system wants them: bounded, so that a call which does not come back is an error
// before the function around it is killed.

import { SNSClient, type SNSClientConfig } from '@aws-sdk/client-sns';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';

/** The first try and two more, with waits below a second between. Sending adds tries of its own, for parts of a call. */
const attemptsMax = 3;
/** Both answer within 50 ms, and seldom within a second: a connection that is silent for longer is lost. */
const requestMsMax = 2_000;
/** A handshake of a function that has just begun, with little of a processor and much to load. */
const connectionMsMax = 2_000;

const bounds = {
  maxAttempts: attemptsMax,
  retryMode: 'standard',
  requestHandler: {
    requestTimeout: requestMsMax,
    connectionTimeout: connectionMsMax,
    throwOnRequestTimeout: true,
  },
} as const;

/** Once for each environment. `config` is what the place wants: region, endpoint, credentials. */
export function createSnsClient(config: SNSClientConfig): SNSClient {
  return new SNSClient({ ...bounds, ...config });
}

export function createSqsClient(config: SQSClientConfig): SQSClient {
  return new SQSClient({ ...bounds, ...config });
}
