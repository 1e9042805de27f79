// A spare that has booted and waits: it goes on running, or is stopped, with or without its memory. A machine can not
// do this itself: what it shuts down ends, so that nothing is left over.

import { StopInstancesCommand } from '@aws-sdk/client-ec2';
import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { StandByAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { describeInstances, machineFilter } from './instances.ts';
import { ec2Machine } from './options.ts';
import { isOwn } from './tags.ts';

export async function standBy(
  context: HostContext,
  machine: MachineId,
  settings: unknown,
  before: EpochMs,
): Promise<StandByAnswer> {
  const { standby: how } = ec2Machine.parse(settings);
  if (how === 'hot') return 'waits';
  const [found] = await describeInstances(context, [machineFilter(machine)]);
  if (!found || !isOwn(context, found.tags) || found.tags.former.length > 0) return 'notNow';
  if (found.state === 'stopped') return 'waits';
  if (found.state === 'stopping') return 'settling';
  if (found.state !== 'running') return 'notNow';
  // The look may have taken its time. And the call is made once: repeated later, it would stop a machine at work.
  if (context.clock.now() >= before) return 'notNow';
  try {
    await context.clients.once.send(
      new StopInstancesCommand({ InstanceIds: [machine], ...(how === 'hibernated' && { Hibernate: true }) }),
    );
    return 'settling';
  } catch (error) {
    // The instance is not ready to hibernate yet, or went another way meanwhile. [EC2: Hibernate an instance]
    if (error instanceof Error && /^(UnsupportedOperation|IncorrectInstanceState)$/.test(error.name))
      return 'notNow';
    throw error;
  }
}
