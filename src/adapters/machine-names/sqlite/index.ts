// Names of machines, in a table of SQLite. Each call is one transaction, or part of the one that is open.

import type { DatabaseSync } from 'node:sqlite';
import type { MachineId, RunnerName } from '../../../core/ids.ts';
import {
  type MachineNames,
  machineNameKeptMs,
  type NamesOfMachine,
  namesAfter,
} from '../../../ports/machine-names.ts';

export function createSqliteMachineNames(database: DatabaseSync): MachineNames {
  database.exec(`
    CREATE TABLE IF NOT EXISTS machine_names (
      machine TEXT NOT NULL PRIMARY KEY,
      names TEXT NOT NULL,
      changed_at_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS machine_names_changed_at ON machine_names (changed_at_ms);`);
  const select = database.prepare(
    'SELECT machine, names FROM machine_names WHERE machine IN (SELECT value FROM json_each(:machines))',
  );
  const upsert = database.prepare(`
    INSERT INTO machine_names (machine, names, changed_at_ms) VALUES (:machine, :names, :now)
    ON CONFLICT DO UPDATE SET names = :names, changed_at_ms = :now`);
  const forget = database.prepare('DELETE FROM machine_names WHERE changed_at_ms <= :until');

  function read(machines: readonly MachineId[]): Map<MachineId, NamesOfMachine> {
    const rows = select.all({ machines: JSON.stringify(machines) });
    return new Map(
      rows.map((row) => [
        String(row['machine']) as MachineId,
        String(row['names']).split(' ') as RunnerName[],
      ]),
    );
  }

  return {
    // Nothing is waited for in here, so nobody comes between the look and the write.
    async remember(machine, name, instead, now) {
      forget.run({ until: Math.floor(now - machineNameKeptMs) });
      const names = read([machine]).get(machine) ?? [];
      const after = namesAfter(names, name, instead);
      if (after === null) return names;
      upsert.run({ machine, names: after.join(' '), now: Math.floor(now) });
      return after;
    },
    namesOf: async (machines) => read(machines),
  };
}
