// The clients of Lambda's MicroVMs as this system wants them. A call that starts a machine is never repeated below us,
// since we would not know then which of the tries an error speaks of; every other call may be.

import { LambdaMicrovmsClient, type LambdaMicrovmsClientConfig } from '@aws-sdk/client-lambda-microvms';

export interface MicrovmClients {
  /** For what starts or wakes machines: one try for each call. */
  once: LambdaMicrovmsClient;
  /** For what may be asked again: throttled or broken calls are repeated a little. */
  repeating: LambdaMicrovmsClient;
}

const requestMsMax = 15_000;
const connectionMsMax = 3_000;
/** The first and two more: together they end within a function's patience. */
const attemptsMax = 3;

/** Once for each environment. `config` is what the place wants: region, endpoint, credentials. */
export function createMicrovmClients(config: LambdaMicrovmsClientConfig = {}): MicrovmClients {
  const both = {
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: connectionMsMax,
      throwOnRequestTimeout: true,
    },
    ...config,
  };
  return {
    once: new LambdaMicrovmsClient({ ...both, maxAttempts: 1 }),
    repeating: new LambdaMicrovmsClient({ ...both, maxAttempts: attemptsMax, retryMode: 'standard' }),
  };
}
