import type { MachineId } from '../../../core/ids.ts';
import type { ListedMachine } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { selectorOf } from './labels.ts';
import { endOf } from './objects.ts';
import { meaningOf, Refusal, Unanswered } from './refusals.ts';
import { troublesOf } from './troubles.ts';

export async function list(context: HostContext): Promise<ListedMachine[] | 'unknown'> {
  try {
    const { items } = await context.api.listJobs(selectorOf(context));
    const troubles = await troublesOf(context, items);
    return items.map((job) => {
      const trouble = troubles.get(job.metadata.uid);
      return {
        name: job.metadata.name,
        machine: job.metadata.uid as MachineId,
        alive: endOf(job) === null,
        ...(trouble && { trouble }),
      };
    });
  } catch (error) {
    if (isUnsure(error)) return 'unknown';
    throw error;
  }
}

/** The server has no time or is not there; 410: what the next page continued is too old by now. */
export function isUnsure(error: unknown): boolean {
  if (error instanceof Unanswered) return true;
  return error instanceof Refusal && (meaningOf(error) === 'later' || error.status === 410);
}
