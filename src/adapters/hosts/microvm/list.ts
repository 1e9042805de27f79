// All machines of this host with their names. While one lives that has no name, and is too old to be of a launch that is
// answered at this moment, the host can't tell whose it is: its list is unknown, and every place is kept.

import type { MachineId } from '../../../core/ids.ts';
import type { ListedMachine } from '../../../ports/host.ts';
import type { NamesOfMachine } from '../../../ports/machine-names.ts';
import type { HostContext } from './context.ts';
import { lifeSecondsMax } from './life.ts';
import { isThrottle } from './refusals.ts';
import { unanswered } from './unanswered.ts';
import { isDead, type ListedVm, ownVms } from './vms.ts';

/** A spare is renewed so long before its platform's end would come too early for a job: it is done within minutes. */
const renewedBeforeMs = 10 * 60_000;

export async function list(
  context: HostContext,
  remembered: Map<MachineId, NamesOfMachine>,
): Promise<ListedMachine[] | 'unknown'> {
  try {
    const vms = await ownVms(context);
    const names = await namesOf(context, vms, remembered);
    if (unanswered(vms, names, context.clock.now()).length > 0) return 'unknown';
    return vms.flatMap((vm) => {
      const [name] = names.get(vm.machine) ?? [];
      if (name === undefined) return [];
      const outdated = isOutdated(context, vm);
      return { name, machine: vm.machine, alive: !isDead(vm), ...(outdated && { outdated }) };
    });
  } catch (error) {
    if (isThrottle(error)) return 'unknown';
    throw error;
  }
}

/** Dead machines are listed for a day, and their names change no more: they are asked for once by each process. */
async function namesOf(
  { names }: HostContext,
  vms: readonly ListedVm[],
  remembered: Map<MachineId, NamesOfMachine>,
): Promise<ReadonlyMap<MachineId, NamesOfMachine>> {
  const asked = vms.filter((vm) => !remembered.has(vm.machine)).map(({ machine }) => machine);
  const found = new Map([...remembered, ...(await names.namesOf(asked))]);
  // What is listed no more is forgotten, so the memory is no larger than the list.
  remembered.clear();
  for (const vm of vms) {
    const known = found.get(vm.machine);
    if (known && isDead(vm)) remembered.set(vm.machine, known);
  }
  return found;
}

/** Of an older image, or soon too old for a whole job before its end: as a spare it is of no use any more. */
function isOutdated({ made, clock }: HostContext, { image, version, startedAt }: ListedVm): boolean {
  const pool = [...made.pools.values()].find((one) => one.image === image);
  if (!pool?.hasSpares) return false;
  const leftMs = startedAt + lifeSecondsMax * 1000 - clock.now();
  return leftMs < pool.lifeSeconds * 1000 + renewedBeforeMs || !isSameVersion(version, pool.version);
}

/** `3` and `3.0` are one. */
function isSameVersion(one: string, other: string): boolean {
  return one === other || (one !== '' && Number(one) === Number(other));
}
