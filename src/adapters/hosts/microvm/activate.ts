// A machine that stands by goes on under a new name: it is given the name first, by a conditional write, so that of two
// who want it one gets it; then it is resumed, if it was suspended. Its next claim succeeds, since the table knows by
// then whose machine it is; so nothing is sent to it. Each step may be made twice.

import { ResumeMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { refusalFor, refused, tooLate } from './answers.ts';
import type { HostContext } from './context.ts';
import { meaningOf } from './refusals.ts';
import { settle } from './settle.ts';
import { type DescribedVm, isOwn, vmOf } from './vms.ts';

/** It was told to suspend a moment ago, and can't be resumed before it has. */
const suspendingMs = 2_000;

export async function activate(
  context: HostContext,
  request: LaunchRequest,
  machine: MachineId,
): Promise<LaunchAnswer> {
  const { clock, names } = context;
  if (clock.now() >= request.answerBefore) throw tooLate('activation', request);
  const [vm, known] = await Promise.all([vmOf(context, machine), names.namesOf([machine])]);
  const [current, ...former] = known.get(machine) ?? [];
  if (!vm || !isOwn(context, vm.image) || current === undefined)
    return refused('noCapacity', `Lambda has no machine ${machine} of this deployment`);
  if (current !== request.name && former.length > 0)
    return refused('noCapacity', `machine ${machine} works already, for ${current}`);
  switch (vm.state) {
    case 'TERMINATED':
    case 'TERMINATING':
      return refused('noCapacity', `machine ${machine} is ${vm.state}: ${vm.cause}`);
    case 'SUSPENDING':
      return refused('noCapacity', `machine ${machine} is still suspending`, suspendingMs);
    case 'SUSPENDED':
    case 'PENDING':
    case 'RUNNING':
      break;
    default:
      return vm.state satisfies never;
  }
  const leftMs = vm.startedAt + vm.lifeSeconds * 1000 - clock.now();
  if (leftMs < request.lifetimeMsMax)
    return refused(
      'noCapacity',
      `machine ${machine} is ended by Lambda in ${Math.max(0, Math.floor(leftMs / 1000))} s, and a runner of pool ` +
        `${request.pool} may take ${Math.ceil(request.lifetimeMsMax / 1000)} s`,
    );
  const [now] = await names.remember(machine, request.name, current, clock.now());
  if (now !== request.name) return refused('noCapacity', `machine ${machine} works already, for ${now}`);
  return vm.state === 'SUSPENDED' ? resume(context, request, vm) : { outcome: 'launched', machine };
}

async function resume(
  context: HostContext,
  request: LaunchRequest,
  { machine }: DescribedVm,
): Promise<LaunchAnswer> {
  const command = new ResumeMicrovmCommand({ microvmIdentifier: machine });
  const isRunning = async () => (await vmOf(context, machine))?.state === 'RUNNING';
  try {
    const settled = await settle(context, request.answerBefore, (abortSignal) =>
      context.clients.once.send(command, { abortSignal }),
    );
    if ('answer' in settled) return { outcome: 'launched', machine };
    const { refused: said } = settled;
    // Resumed meanwhile, by a call of the same activation.
    if (meaningOf(said.code) === 'conflict' && (await isRunning())) return { outcome: 'launched', machine };
    return refusalFor(context, request, said);
  } catch (error) {
    // What was asked for is a state, so whether a lost answer was a good one can be seen.
    if (await isRunning()) return { outcome: 'launched', machine };
    throw error;
  }
}
