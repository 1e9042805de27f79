// Machines that have no name: their launch was not answered, or is not answered yet. A name is written down before a
// launch is said to have succeeded, so no runner is known to have such a machine; but one may be at work in it already,
// since a machine claims by its own token. So nobody ends it for having no name. It is found again by its runner's name,
// once that is to be ended: by the mark in its longest life (life.ts). Until then the host does not tell its list.

import type { MachineId, RunnerName } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { NamesOfMachine } from '../../../ports/machine-names.ts';
import type { HostContext } from './context.ts';
import { mayBeOf } from './life.ts';
import { isDead, type ListedVm, vmOf } from './vms.ts';

/**
 * A machine this young may be of a launch whose answer is being written down at this moment. It is shorter than a list
 * may be old: so a list that is asked late enough to prove a name's absence has no machine of that name so young.
 */
const answeredWithinMs = 45_000;

/** Looked at one by one, and there is one for each launch in doubt: more than a few are not a doubt but a fault. */
const looksMax = 25;

export function unanswered(
  vms: readonly ListedVm[],
  names: ReadonlyMap<MachineId, NamesOfMachine>,
  now: EpochMs,
): ListedVm[] {
  return vms.filter((vm) => !isDead(vm) && !names.has(vm.machine) && now - vm.startedAt > answeredWithinMs);
}

/** The machine of the launch in doubt, which has its name from now on. `null`: none, or more than one may be it. */
export async function recognised(
  context: HostContext,
  name: RunnerName,
  nameless: readonly ListedVm[],
): Promise<ListedVm | null> {
  if (nameless.length > looksMax)
    throw new Error(`${nameless.length} machines of host ${context.host} have no name, ${looksMax} at most`);
  const looked = await Promise.all(nameless.map(({ machine }) => vmOf(context, machine)));
  const [found, ...others] = looked.filter((vm) => vm && !isDead(vm) && mayBeOf(name, vm.lifeSeconds));
  if (!found || others.length > 0) return null;
  const [now] = await context.names.remember(found.machine, name, null, context.clock.now());
  return now === name ? found : null;
}
