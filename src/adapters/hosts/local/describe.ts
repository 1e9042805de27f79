import type { MachineRef, MachineState } from '../../../ports/host.ts';
import type { LocalContext } from './context.ts';

export async function describe(
  { machines }: LocalContext,
  { name, machine }: MachineRef,
): Promise<MachineState> {
  const known = machines.named(name);
  if (!known || (machine !== null && machine !== known.machine)) return 'absent';
  await machines.look([known]);
  return known.diedAt === null ? 'alive' : 'dead';
}
