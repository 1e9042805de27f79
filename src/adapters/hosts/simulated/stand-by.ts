import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { StandByAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { simulatedMachine } from './options.ts';
import { drawMs } from './spread.ts';

/** A machine that waits hot is as it should be; another one stops, which takes as long as to end. */
export async function standBy(
  { ground, deployment, options, random, clock }: HostContext,
  machine: MachineId,
  settings: unknown,
  before: EpochMs,
): Promise<StandByAnswer> {
  await clock.sleep(drawMs(options.callMs, random));
  if (clock.now() >= before) return 'notNow';
  const spare = ground.byId(machine);
  if (spare?.deployment !== deployment || !spare.isStandingBy) return 'notNow';
  if (simulatedMachine.parse(settings).standby === 'hot' || spare.rest === 'resting') return 'waits';
  if (spare.rest === 'none') ground.rest(spare, drawMs(options.endingMs, random));
  return 'settling';
}
