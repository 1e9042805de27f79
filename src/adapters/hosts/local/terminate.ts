import assert from 'node:assert/strict';
import type { MachineId } from '../../../core/ids.ts';
import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import type { LocalContext } from './context.ts';

/** The keeper ends its runner; its end is told as an event. */
export async function terminate(
  context: LocalContext,
  { name, machine }: MachineRef,
): Promise<TerminateAnswer> {
  const { machines } = context;
  assert.ok(machines.isOwn(name), `${name} is not a runner of this host, so it is not ended`);
  const known = machines.named(name);
  if (!known) {
    if (machine === null) await bar(context, name);
    return 'gone';
  }
  if (machine !== null && machine !== known.machine) return 'gone';
  return (await machines.stop(known)) ? 'ending' : 'gone';
}

/** A launch of that name may still be on its way to us. It is told that it was launched, and is dead. */
async function bar({ machines, records, clock }: LocalContext, name: MachineRef['name']): Promise<void> {
  const machine = `${name}.0` as MachineId;
  const cause = 'it was told to end before it was launched';
  await records.writeOrder({ name, machine, pool: '', attempt: 0, orderedAt: clock.now() });
  await records.revoke(machine, cause);
  await records.writeEnd(machine, { cause });
  await machines.addTombstone({ name, machine, keeper: null, diedAt: clock.now(), cause, isTold: false });
}
