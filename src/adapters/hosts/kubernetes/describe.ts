import type { MachineRef, MachineState } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { isOwn, isOwnName } from './labels.ts';
import { isUnsure } from './list.ts';
import { endOf } from './objects.ts';

export async function describe(context: HostContext, { name, machine }: MachineRef): Promise<MachineState> {
  if (!isOwnName(context, name)) return 'absent';
  try {
    const found = await context.api.getJob(name);
    if (found === null || !isOwn(context, found.metadata.labels)) return 'absent';
    if (machine !== null && found.metadata.uid !== machine) return 'absent';
    return endOf(found) === null ? 'alive' : 'dead';
  } catch (error) {
    if (isUnsure(error)) return 'unknown';
    throw error;
  }
}
