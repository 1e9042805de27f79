// The clients of EC2 as this system wants them. A call that starts a machine is never repeated below us, since we would
// not know then which of the tries an error speaks of; every other call may be.

import { EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';

export interface Ec2Clients {
  /** For what starts machines: one try for each call. */
  once: EC2Client;
  /** For what may be asked again: throttled or broken calls are repeated a little. */
  repeating: EC2Client;
}

/** CreateFleet takes seconds where many offers have no room. */
const requestMsMax = 20_000;
const connectionMsMax = 3_000;
/** The first and two more: together they end within a function's patience. */
const attemptsMax = 3;

/** Once for each environment. `config` is what the place wants: region, endpoint, credentials. */
export function createEc2Clients(config: EC2ClientConfig = {}): Ec2Clients {
  const both = {
    requestHandler: {
      requestTimeout: requestMsMax,
      connectionTimeout: connectionMsMax,
      throwOnRequestTimeout: true,
    },
    ...config,
  };
  return {
    once: new EC2Client({ ...both, maxAttempts: 1 }),
    repeating: new EC2Client({ ...both, maxAttempts: attemptsMax, retryMode: 'standard' }),
  };
}
