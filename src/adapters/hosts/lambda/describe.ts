// Asks nobody: there is nobody who could tell. Before its hard end a machine keeps its place, unless an event says that
// it is over; after it, it is dead.

import type { MachineRef, MachineState } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { hardEndOf } from './hard-end.ts';

export function describe({ clock }: HostContext, { machine }: MachineRef): MachineState {
  const hardEnd = machine === null ? null : hardEndOf(machine);
  // By its traits that proves something only after the last moment at which such a call could have an effect.
  if (hardEnd === null) return 'absent';
  return clock.now() >= hardEnd ? 'dead' : 'unknown';
}
