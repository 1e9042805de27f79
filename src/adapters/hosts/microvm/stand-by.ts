// A spare that has booted and waits: it goes on running, or is suspended with its memory, until it is activated.

import { ResumeMicrovmCommand, SuspendMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { StandByAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { microvmMachine } from './options.ts';
import { isConflict } from './refusals.ts';
import { isOwn, vmOf } from './vms.ts';

export async function standBy(
  context: HostContext,
  machine: MachineId,
  settings: unknown,
  before: EpochMs,
): Promise<StandByAnswer> {
  const { standby: how } = microvmMachine.parse(settings);
  if (how === 'hot') return 'waits';
  const [vm, isSpare] = await Promise.all([vmOf(context, machine), isStillSpare(context, machine)]);
  if (!vm || !isOwn(context, vm.image) || !isSpare) return 'notNow';
  if (vm.state === 'SUSPENDED') return 'waits';
  if (vm.state === 'SUSPENDING') return 'settling';
  // The look may have taken its time. And the call is made once: repeated later, it would freeze a machine at work.
  if (vm.state !== 'RUNNING' || context.clock.now() >= before) return 'notNow';
  try {
    await context.clients.once.send(new SuspendMicrovmCommand({ microvmIdentifier: machine }));
  } catch (error) {
    // It went another way meanwhile.
    if (isConflict(error)) return 'notNow';
    throw error;
  }
  // Put to work between the look and the call, it would be frozen at its work: it is woken again.
  if (await isStillSpare(context, machine)) return 'settling';
  await wake(context, machine);
  return 'notNow';
}

async function isStillSpare({ names }: HostContext, machine: MachineId): Promise<boolean> {
  return (await names.namesOf([machine])).get(machine)?.length === 1;
}

/** It may still be suspending, and can't be resumed before it is: looked at so often, with so long between. */
const looksMax = 20;
const pauseMs = 250;

async function wake(context: HostContext, machine: MachineId): Promise<void> {
  for (let looks = 0; looks < looksMax; looks += 1) {
    const state = (await vmOf(context, machine))?.state;
    if (state === 'SUSPENDED') {
      await context.clients.repeating.send(new ResumeMicrovmCommand({ microvmIdentifier: machine }));
      return;
    }
    if (state !== 'SUSPENDING') return;
    await context.clock.sleep(pauseMs);
  }
  throw new Error(`machine ${machine} was put to work while it was suspended, and is not back yet`);
}
