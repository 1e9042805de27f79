import type { MachineRef, MachineState } from '../../../ports/host.ts';
import { type HostContext, machinesMeant } from './context.ts';
import { SimulatedCallError } from './faults.ts';
import { drawMs } from './spread.ts';
import { isAliveAt, readAt } from './staleness.ts';

/** A name that its machine has no more (a spare's that was activated) is dead: nothing of that name lives. */
export async function describe(context: HostContext, target: MachineRef): Promise<MachineState> {
  const fault = context.faults.describe?.(target);
  await context.clock.sleep(drawMs(context.options.callMs, context.random));
  if (fault?.kind === 'failed') throw new SimulatedCallError('describe', target.name);
  if (fault?.kind === 'unknown') return 'unknown';
  const at = readAt(context, fault, target.name);
  const meant = machinesMeant(context, target);
  if (meant.some((machine) => isAliveAt(machine, at))) return 'alive';
  if (meant.some((machine) => machine.diedAt !== null && machine.diedAt <= at)) return 'dead';
  return meant.length === 0 && [...context.ground.named(target.name)].length > 0 ? 'dead' : 'absent';
}
