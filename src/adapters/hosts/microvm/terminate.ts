// Lambda tells nobody when a machine has ended, so the end is looked for a little while after it was asked for: its place
// is free at once then, and not at the next look in a minute.

import { TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import type { MachineId } from '../../../core/ids.ts';
import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { meantBy } from './meant.ts';
import { isConflict, isNotFound } from './refusals.ts';
import { isDead, vmOf } from './vms.ts';

/** How long a MicroVM takes to end is not said; what takes longer than these four seconds is seen by the next call. */
const looksMax = 5;
const pauseMsFirst = 250;

export async function terminate(context: HostContext, target: MachineRef): Promise<TerminateAnswer> {
  const meant = await meantBy(context, target);
  if ('instead' in meant) {
    if (meant.instead === 'renamed') return 'gone';
    throw new Error(
      `machine ${target.machine} is not of an image of host ${context.host}: it is a stranger's and is left alone ` +
        `(asked for runner ${target.name})`,
    );
  }
  // Its launch may still take effect, or Lambda does not show it yet: the list tells when it is past doubt.
  if (meant.machines.length === 0) return 'ending';
  const living = meant.machines.filter((machine) => !isDead(machine));
  const ended = await Promise.all(living.map(({ machine }) => end(context, machine)));
  return ended.every(Boolean) ? 'gone' : 'ending';
}

/** Whether Lambda calls it terminated. */
async function end(context: HostContext, machine: MachineId): Promise<boolean> {
  try {
    await context.clients.repeating.send(new TerminateMicrovmCommand({ microvmIdentifier: machine }));
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return false;
    throw error;
  }
  for (let looks = 1; looks <= looksMax; looks += 1) {
    const vm = await vmOf(context, machine);
    if (vm && isDead(vm)) return true;
    if (looks < looksMax) await context.clock.sleep(pauseMsFirst * 2 ** (looks - 1));
  }
  return false;
}
