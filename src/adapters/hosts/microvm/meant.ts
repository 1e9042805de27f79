// Which machines a reference means. By its id, a machine is meant under any name but one that it had before: a runner
// that is to go on with a spare's machine may be ended before its activation took effect.

import type { RunnerName } from '../../../core/ids.ts';
import type { MachineRef } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { recognised, unanswered } from './unanswered.ts';
import { isOwn, type ListedVm, ownVms, vmOf } from './vms.ts';

export type Meant =
  | { machines: readonly ListedVm[] }
  /** It has another name by now. */
  | { machines: readonly []; instead: 'renamed' }
  | { machines: readonly []; instead: 'stranger' };

export async function meantBy(context: HostContext, { name, machine }: MachineRef): Promise<Meant> {
  if (machine === null) return { machines: await machinesNamed(context, name) };
  const [vm, names] = await Promise.all([vmOf(context, machine), context.names.namesOf([machine])]);
  const [, ...former] = names.get(machine) ?? [];
  if (former.includes(name)) return { machines: [], instead: 'renamed' };
  if (!vm) return { machines: [] };
  if (!isOwn(context, vm.image)) return { machines: [], instead: 'stranger' };
  return { machines: [vm] };
}

async function machinesNamed(context: HostContext, name: RunnerName): Promise<ListedVm[]> {
  const vms = await ownVms(context);
  const names = await context.names.namesOf(vms.map(({ machine }) => machine));
  const named = vms.filter(({ machine }) => names.get(machine)?.[0] === name);
  if (named.length > 0) return named;
  const found = await recognised(context, name, unanswered(vms, names, context.clock.now()));
  return found ? [found] : [];
}
