// The client of Lambda as this system wants it. A call is never repeated below us: each one that arrives is another
// invocation, whatever was heard of the first.

import { LambdaClient, type LambdaClientConfig } from '@aws-sdk/client-lambda';

/** Lambda answers once the event is in its queue: in milliseconds, mostly. */
const requestMsMax = 10_000;
const connectionMsMax = 3_000;

/** Once for each environment. `config` is what the place wants: region, endpoint, credentials. */
export function createLambdaClient(config: LambdaClientConfig = {}): LambdaClient {
  return new LambdaClient({
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: connectionMsMax,
      throwOnRequestTimeout: true,
    },
    maxAttempts: 1,
    ...config,
  });
}
