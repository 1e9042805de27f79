import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { call } from './call.ts';
import type { HostContext } from './context.ts';
import { drawMs } from './spread.ts';

/** The machine starts its program anew under the new name, after the time of one call; it does not boot again. */
export function activate(
  context: HostContext,
  request: LaunchRequest,
  machine: MachineId,
): Promise<LaunchAnswer> {
  return call(context, 'activate', request, () => {
    const { ground, deployment, options, random } = context;
    const known = ground.byToken(request);
    if (known) return { outcome: 'launched', machine: known.machine };
    const spare = ground.byId(machine);
    if (spare?.deployment !== deployment || !spare.isStandingBy) {
      const reason = `the machine ${machine} does not stand by: it ${spare ? stateOf(spare) : 'is not known'}`;
      return { outcome: 'refused', refusal: 'noCapacity', reason, retryAfterMs: null };
    }
    ground.activate(spare, request, drawMs(options.callMs, random));
    return { outcome: 'launched', machine };
  });
}

function stateOf({ diedAt, isEnding }: { diedAt: number | null; isEnding: boolean }): string {
  if (diedAt !== null) return 'is dead';
  return isEnding ? 'ends' : 'works, or boots';
}
