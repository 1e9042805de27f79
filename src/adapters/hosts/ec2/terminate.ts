// TerminateInstances fails as a whole for one bad id, so each machine is ended by a call of its own. What it says of an
// id that it does not know proves nothing: a machine that was just launched is unknown for some seconds.

import { TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import type { MachineId } from '../../../core/ids.ts';
import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { isDead } from './instances.ts';
import { meantBy } from './meant.ts';

export async function terminate(context: HostContext, target: MachineRef): Promise<TerminateAnswer> {
  const meant = await meantBy(context, target);
  if ('instead' in meant) {
    if (meant.instead === 'renamed') return 'gone';
    throw new Error(
      `machine ${target.machine} does not carry the tags of deployment ${context.deployment}, host ${context.host}: it is ` +
        `a stranger's and is left alone (asked for runner ${target.name})`,
    );
  }
  // Its launch may still take effect, or EC2 does not show it yet: the list tells when it is past doubt.
  if (meant.machines.length === 0) return 'ending';
  const living = meant.machines.filter((machine) => !isDead(machine));
  const ended = await Promise.all(living.map(({ machine }) => end(context, machine)));
  return ended.every(Boolean) ? 'gone' : 'ending';
}

/** Whether it is gone by EC2's own answer. */
async function end({ clients }: HostContext, machine: MachineId): Promise<boolean> {
  try {
    const answer = await clients.repeating.send(new TerminateInstancesCommand({ InstanceIds: [machine] }));
    return answer.TerminatingInstances?.[0]?.CurrentState?.Name === 'terminated';
  } catch (error) {
    if (error instanceof Error && error.name === 'InvalidInstanceID.NotFound') return false;
    throw error;
  }
}
