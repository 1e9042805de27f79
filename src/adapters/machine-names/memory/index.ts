// Names of machines, remembered by one process.

import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import {
  type MachineNames,
  machineNameKeptMs,
  type NamesOfMachine,
  namesAfter,
} from '../../../ports/machine-names.ts';

export function createMemoryMachineNames(): MachineNames {
  /** In the order of their last change, so that the oldest are the first. */
  const rows = new Map<MachineId, { names: NamesOfMachine; changedAt: EpochMs }>();

  function forget(now: EpochMs): void {
    for (const [machine, { changedAt }] of rows) {
      if (now - changedAt < machineNameKeptMs) return;
      rows.delete(machine);
    }
  }

  return {
    async remember(machine, name, instead, now) {
      forget(now);
      const names = rows.get(machine)?.names ?? [];
      const after = namesAfter(names, name, instead);
      if (after === null) return names;
      rows.delete(machine);
      rows.set(machine, { names: after, changedAt: now });
      return after;
    },
    async namesOf(machines) {
      const found = new Map<MachineId, NamesOfMachine>();
      for (const machine of machines) {
        const row = rows.get(machine);
        if (row) found.set(machine, row.names);
      }
      return found;
    },
  };
}
