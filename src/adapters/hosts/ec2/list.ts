import type { ListedMachine } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { deploymentFilters, describeInstances, isDead } from './instances.ts';
import { createOutdated } from './outdated.ts';
import { isThrottle } from './refusals.ts';

export function createList(context: HostContext): () => Promise<ListedMachine[] | 'unknown'> {
  const lookUp = createOutdated(context);
  return async () => {
    try {
      const described = await describeInstances(context, deploymentFilters(context));
      const isOutdated = await lookUp(described);
      return described.map((one) => ({
        name: one.tags.name,
        machine: one.machine,
        alive: !isDead(one),
        ...(!isDead(one) && isOutdated(one) && { outdated: true }),
      }));
    } catch (error) {
      if (error instanceof Error && isThrottle(error.name)) return 'unknown';
      throw error;
    }
  };
}
