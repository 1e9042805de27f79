import type { ListedMachine } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { deploymentFilters, describeInstances, isDead } from './instances.ts';
import { isThrottle } from './refusals.ts';

export async function list(context: HostContext): Promise<ListedMachine[] | 'unknown'> {
  try {
    const described = await describeInstances(context, deploymentFilters(context));
    return described.map((one) => ({ name: one.tags.name, machine: one.machine, alive: !isDead(one) }));
  } catch (error) {
    if (error instanceof Error && isThrottle(error.name)) return 'unknown';
    throw error;
  }
}
