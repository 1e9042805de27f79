// What CloudFormation calls at a deploy for a host on EKS: its namespace's objects are made, or taken away. It begins
// when it is loaded, so nothing imports it: the bundler takes it by the type of the host.

import { stdout } from 'node:process';
import { EKSClient } from '@aws-sdk/client-eks';
import { createSystemClock } from '../../../adapters/clock/system/index.ts';
import { connectToEks } from '../../../adapters/hosts/kubernetes/connect/eks.ts';
import { createClusterSetUp } from '../../../adapters/hosts/kubernetes/set-up/index.ts';

/** Of one request to CloudFormation's address; it is tried again. */
const putMsMax = 10_000;

const clock = createSystemClock();
const setUp = createClusterSetUp({
  clock,
  eks: new EKSClient({}),
  connect: (cluster) => connectToEks({ cluster, clock }),
  async put(url, body) {
    // It is signed without a type of content.
    const headers = { 'content-type': '' };
    const response = await fetch(url, {
      method: 'PUT',
      headers,
      body,
      signal: AbortSignal.timeout(putMsMax),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`CloudFormation did not take the answer: ${response.status}`);
  },
  onStep: (says) => void stdout.write(`${JSON.stringify({ level: 'info', message: says })}\n`),
});

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> =>
  setUp(event, context.getRemainingTimeInMillis());
