import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { call } from './call.ts';
import type { HostContext } from './context.ts';
import { simulatedMachine } from './options.ts';
import { drawMs } from './spread.ts';

/** As EC2's: a machine that stops can't be started before it has. */
const stoppingMs = 5_000;

/** The machine starts its program anew under the new name, after the time of one call; one that was stopped boots first. */
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
    if (spare.rest === 'settling') {
      const reason = `the machine ${machine} is still stopping`;
      return { outcome: 'refused', refusal: 'noCapacity', reason, retryAfterMs: stoppingMs };
    }
    const { bootMs = options.bootMs } = simulatedMachine.parse(request.machine);
    const startMs = drawMs(spare.rest === 'resting' ? bootMs : options.callMs, random);
    ground.activate(spare, request, startMs);
    return { outcome: 'launched', machine };
  });
}

function stateOf({ diedAt, isEnding }: { diedAt: number | null; isEnding: boolean }): string {
  if (diedAt !== null) return 'is dead';
  return isEnding ? 'ends' : 'works, or boots';
}
