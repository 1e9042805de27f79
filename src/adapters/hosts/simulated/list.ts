import type { ListedMachine } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { SimulatedCallError } from './faults.ts';
import { drawMs } from './spread.ts';
import { isAliveAt, nameAt, readAt } from './staleness.ts';

export async function list(context: HostContext): Promise<ListedMachine[] | 'unknown'> {
  const { clock, options, random, ground, deployment } = context;
  const fault = context.faults.list?.();
  await clock.sleep(drawMs(options.callMs, random));
  if (fault?.kind === 'failed') throw new SimulatedCallError('list', deployment);
  if (fault?.kind === 'unknown') return 'unknown';
  const listed: ListedMachine[] = [];
  for (const machine of ground.all()) {
    if (machine.deployment !== deployment) continue;
    const at = readAt(context, fault, machine.name);
    if (machine.bornAt > at) continue;
    if (machine.diedAt !== null && machine.diedAt + options.deadListedMs < at) continue;
    listed.push({ name: nameAt(machine, at), machine: machine.machine, alive: isAliveAt(machine, at) });
  }
  return listed;
}
