// A namespace set up by the deploy: its objects, in a cluster that is reached as its administrator for that long.

import { DescribeClusterCommand, type EKSClient } from '@aws-sdk/client-eks';
import type { Clock } from '../../../../ports/clock.ts';
import { createCaller } from '../call.ts';
import type { Connection } from '../connect/connection.ts';
import { asAdministrator } from './administrator.ts';
import { applyObjects, removeObjects } from './apply.ts';
import { createSetUp, type SetUpDeps, type SetUpProperties } from './custom-resource.ts';

export interface ClusterSetUpDeps extends Pick<SetUpDeps, 'put' | 'onStep'> {
  eks: Pick<EKSClient, 'send'>;
  clock: Clock;
  /** As this process itself. */
  connect(cluster: string): Connection;
}

export function createClusterSetUp(
  deps: ClusterSetUpDeps,
): (input: unknown, leftMs: number) => Promise<void> {
  const { eks, clock, put, onStep } = deps;

  async function within(
    { cluster, principal, policy }: SetUpProperties,
    task: (caller: ReturnType<typeof createCaller>) => Promise<void>,
  ): Promise<void> {
    const connection = deps.connect(cluster);
    try {
      const caller = createCaller({ connection, clock });
      await asAdministrator({ eks, caller, clock, cluster, principal, policy }, () => task(caller));
    } finally {
      connection.close();
    }
  }

  return createSetUp({
    clock,
    put,
    onStep,
    apply: (given, madeBy) => within(given, (caller) => applyObjects(caller, given.objects, { madeBy })),
    async remove(given, madeBy, until) {
      // A cluster that is gone took all with it.
      if (!(await isThere(eks, given.cluster))) return;
      await within(given, (caller) => removeObjects(caller, given.objects, { madeBy, clock, until }));
    },
  });
}

async function isThere(eks: Pick<EKSClient, 'send'>, name: string): Promise<boolean> {
  try {
    await eks.send(new DescribeClusterCommand({ name }));
    return true;
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') return false;
    throw error;
  }
}
