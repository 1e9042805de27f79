import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MachineId, RunnerName } from '../core/ids.ts';
import { type MachineNames, namesOfMachineMax } from './machine-names.ts';

const now = 1_700_000_000_000;
const one = 'microvm-1' as MachineId;
const two = 'microvm-2' as MachineId;
const never = 'microvm-never' as MachineId;
const spare = 'own1-vm-build-spare' as RunnerName;
const runner = 'own1-vm-build-runner' as RunnerName;
const other = 'own1-vm-build-other' as RunnerName;

/** What every memory of names does. `createNames` gives an empty one. */
export function machineNamesContract(kind: string, createNames: () => Promise<MachineNames>): void {
  test(`${kind}: a machine has the name that it was given, and one that was given none has none`, async () => {
    const names = await createNames();
    assert.deepEqual(await names.remember(one, runner, null, now), [runner]);
    assert.deepEqual([...(await names.namesOf([one, never]))], [[one, [runner]]]);
    assert.equal((await names.namesOf([])).size, 0);
  });

  test(`${kind}: the same name given twice is given once`, async () => {
    const names = await createNames();
    await names.remember(one, runner, null, now);
    assert.deepEqual(await names.remember(one, runner, null, now), [runner]);
    assert.deepEqual((await names.namesOf([one])).get(one), [runner]);
  });

  test(`${kind}: a machine that has a name gets no first one again`, async () => {
    const names = await createNames();
    await names.remember(one, runner, null, now);
    assert.deepEqual(await names.remember(one, other, null, now), [runner]);
    assert.deepEqual((await names.namesOf([one])).get(one), [runner]);
  });

  test(`${kind}: a machine gets another name in place of the one that it has, and keeps that as a former one`, async () => {
    const names = await createNames();
    await names.remember(one, spare, null, now);
    await names.remember(two, other, null, now);
    assert.deepEqual(await names.remember(one, runner, spare, now), [runner, spare]);
    assert.deepEqual(await names.remember(one, runner, spare, now), [runner, spare], 'asked again');
    const all = await names.namesOf([two, one]);
    assert.deepEqual([all.get(one), all.get(two)], [[runner, spare], [other]]);
  });

  test(`${kind}: a name that a machine had before does not come back`, async () => {
    const names = await createNames();
    await names.remember(one, spare, null, now);
    await names.remember(one, runner, spare, now);
    assert.deepEqual(await names.remember(one, spare, null, now), [runner, spare]);
    assert.deepEqual(await names.remember(one, spare, runner, now), [runner, spare]);
  });

  test(`${kind}: of two that want one machine, one gets it`, async () => {
    const names = await createNames();
    await names.remember(one, spare, null, now);
    const answers = await Promise.all([
      names.remember(one, runner, spare, now),
      names.remember(one, other, spare, now),
    ]);
    assert.equal(new Set(answers.map(([first]) => first)).size, 1);
    assert.equal((await names.namesOf([one])).get(one)?.length, 2);
    assert.deepEqual(await names.remember(two, other, spare, now), [], 'it has not that name');
  });

  test(`${kind}: many machines are told in one question`, async () => {
    const names = await createNames();
    const machines = Array.from({ length: 130 }, (_, at) => `microvm-${at}` as MachineId);
    for (const machine of machines.slice(0, 120))
      await names.remember(machine, `own1-vm-build-${machine}` as RunnerName, null, now);
    const all = await names.namesOf([...machines, machines[0] ?? one]);
    assert.equal(all.size, 120);
    assert.deepEqual(all.get(machines[119] ?? one), ['own1-vm-build-microvm-119']);
  });

  test(`${kind}: a row does not grow for ever`, async () => {
    const names = await createNames();
    const named = (at: number) => `own1-vm-build-${at}` as RunnerName;
    await names.remember(one, named(0), null, now);
    for (let at = 1; at < namesOfMachineMax; at += 1)
      await names.remember(one, named(at), named(at - 1), now);
    const last = named(namesOfMachineMax - 1);
    await assert.rejects(names.remember(one, other, last, now), /gets no other/);
    assert.equal((await names.namesOf([one])).get(one)?.[0], last);
  });
}
