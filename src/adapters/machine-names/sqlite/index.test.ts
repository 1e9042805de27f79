import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import type { MachineId, RunnerName } from '../../../core/ids.ts';
import { machineNamesContract } from '../../../ports/machine-names.contract.ts';
import { machineNameKeptMs } from '../../../ports/machine-names.ts';
import { createSqliteMachineNames } from './index.ts';

const machine = 'microvm-1' as MachineId;
const name = 'own1-vm-build-one' as RunnerName;

machineNamesContract('names of machines in SQLite', async () =>
  createSqliteMachineNames(new DatabaseSync(':memory:')),
);

test('names of machines outlive the process, and are forgotten after their time', async () => {
  const database = new DatabaseSync(':memory:');
  await createSqliteMachineNames(database).remember(machine, name, null, 0);
  const again = createSqliteMachineNames(database);
  assert.deepEqual((await again.namesOf([machine])).get(machine), [name]);
  await again.remember('microvm-2' as MachineId, name, null, machineNameKeptMs);
  assert.equal((await again.namesOf([machine])).size, 0);
});
