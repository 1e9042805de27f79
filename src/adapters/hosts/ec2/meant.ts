// Which machines a reference means. By its id, a machine is meant under any name but one of before its name: a runner
// that is to go on with a spare's machine may be ended before its activation took effect, and what is left of a runner
// that had the machine earlier must not end that.

import type { MachineRef } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { type DescribedMachine, describeInstances, machineFilter, nameFilters } from './instances.ts';
import { isOlder, isOwn } from './tags.ts';

export type Meant =
  | { machines: readonly DescribedMachine[] }
  /** It has another name by now. */
  | { machines: readonly []; instead: 'renamed' }
  | { machines: readonly []; instead: 'stranger' };

export async function meantBy(context: HostContext, { name, machine }: MachineRef): Promise<Meant> {
  if (machine === null) return { machines: await describeInstances(context, nameFilters(context, name)) };
  const [found] = await describeInstances(context, [machineFilter(machine)]);
  if (!found) return { machines: [] };
  if (!isOwn(context, found.tags)) return { machines: [], instead: 'stranger' };
  if (isOlder(name, found.tags)) return { machines: [], instead: 'renamed' };
  return { machines: [found] };
}
