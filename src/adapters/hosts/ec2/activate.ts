// A machine that stands by goes on under a new name: it is given the name first, then started if it was stopped. Its
// next claim succeeds, since the table knows by then whose machine it is; so nothing is sent to the machine. Each step
// may be made twice. That no two runners are given one machine is the table's word, not EC2's: tags know no condition.

import { CreateTagsCommand, StartInstancesCommand } from '@aws-sdk/client-ec2';
import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { Refused } from '../settle.ts';
import { later, refused, tooLate } from './answers.ts';
import type { HostContext } from './context.ts';
import { type DescribedMachine, describeInstances, machineFilter } from './instances.ts';
import { ec2ReuseMs } from './options.ts';
import { meaningOf } from './refusals.ts';
import { settle } from './settle.ts';
import { activationTags, isOlder, isOwn, type Tags } from './tags.ts';

/** It was told to stop a moment ago, and can't be started before it has. */
const stoppingMs = 5_000;

export async function activate(
  context: HostContext,
  request: LaunchRequest,
  machine: MachineId,
): Promise<LaunchAnswer> {
  const { clock } = context;
  if (clock.now() >= request.answerBefore) throw tooLate('activation', request);
  const [found] = await describeInstances(context, [machineFilter(machine)]);
  if (!found || !isOwn(context, found.tags))
    return refused('noCapacity', `EC2 lists no machine ${machine} of this deployment`);
  const why = whyNot(request, found.tags);
  if (why !== null) return refused('noCapacity', `machine ${machine} ${why}`);
  switch (found.state) {
    case 'terminated':
    case 'shutting-down':
      return refused('noCapacity', `machine ${machine} is ${found.state}: ${found.cause}`);
    case 'stopping':
      return refused('noCapacity', `machine ${machine} is still stopping`, stoppingMs);
    case 'stopped':
      return (await rename(context, request, found)) ?? start(context, request, machine);
    case 'pending':
    case 'running':
      return (await rename(context, request, found)) ?? { outcome: 'launched', machine };
    default:
      return found.state satisfies never;
  }
}

/**
 * A machine that works for several runners is given one name after another; which of them have ended, the table knows.
 * Any other has one name more than its first.
 */
function whyNot({ name, machine }: LaunchRequest, tags: Tags): string | null {
  if (tags.name === name) return null;
  if (isOlder(name, tags)) return `has gone on to work for ${tags.name}`;
  const isReused = ec2ReuseMs(machine) > 0;
  return tags.former.length > 0 && !isReused ? `works already, for ${tags.name}` : null;
}

/** `null`: it has the name. */
async function rename(
  context: HostContext,
  request: LaunchRequest,
  found: DescribedMachine,
): Promise<LaunchAnswer | null> {
  if (found.tags.name === request.name) return null;
  const command = new CreateTagsCommand({
    Resources: [found.machine],
    Tags: activationTags(found.tags, request),
  });
  const settled = await settle(context, request.answerBefore, (abortSignal) =>
    context.clients.once.send(command, { abortSignal }),
  );
  return 'refused' in settled ? refusalFor(context, request, settled.refused) : null;
}

/** For stopped and hibernated machines alike. There may be no room to start it, as for a new one. */
async function start(
  context: HostContext,
  request: LaunchRequest,
  machine: MachineId,
): Promise<LaunchAnswer> {
  const command = new StartInstancesCommand({ InstanceIds: [machine] });
  const settled = await settle(context, request.answerBefore, (abortSignal) =>
    context.clients.once.send(command, { abortSignal }),
  );
  if ('answer' in settled) return { outcome: 'launched', machine };
  return refusalFor(context, request, settled.refused);
}

function refusalFor(context: HostContext, request: LaunchRequest, { code, message }: Refused): LaunchAnswer {
  const meaning = meaningOf(code);
  const reason = `${code}: ${message}`;
  if (meaning === 'later') return refused('throttled', reason, later(context, request.attempt));
  return refused(meaning === 'never' ? 'invalid' : 'noCapacity', reason);
}
