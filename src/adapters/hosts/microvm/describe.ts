import type { MachineRef, MachineState } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { meantBy } from './meant.ts';
import { isThrottle } from './refusals.ts';
import { isDead } from './vms.ts';

/** A name that its machine has no more (a spare's that was activated) is dead: nothing of that name lives. */
export async function describe(context: HostContext, target: MachineRef): Promise<MachineState> {
  try {
    const meant = await meantBy(context, target);
    if ('instead' in meant) return meant.instead === 'renamed' ? 'dead' : 'absent';
    if (meant.machines.length === 0) return 'absent';
    return meant.machines.every(isDead) ? 'dead' : 'alive';
  } catch (error) {
    if (isThrottle(error)) return 'unknown';
    throw error;
  }
}
