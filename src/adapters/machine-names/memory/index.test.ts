import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineId, RunnerName } from '../../../core/ids.ts';
import { machineNamesContract } from '../../../ports/machine-names.contract.ts';
import { machineNameKeptMs } from '../../../ports/machine-names.ts';
import { createMemoryMachineNames } from './index.ts';

machineNamesContract('names of machines in memory', async () => createMemoryMachineNames());

test('names of machines are forgotten after their time', async () => {
  const names = createMemoryMachineNames();
  const [old, young] = ['microvm-old', 'microvm-young'] as MachineId[];
  assert.ok(old !== undefined && young !== undefined);
  await names.remember(old, 'own1-vm-build-old' as RunnerName, null, 0);
  await names.remember(young, 'own1-vm-build-young' as RunnerName, null, machineNameKeptMs);
  assert.deepEqual([...(await names.namesOf([old, young])).keys()], [young]);
});
