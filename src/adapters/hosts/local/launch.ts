import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { LocalContext } from './context.ts';
import type { KeeperInstructions } from './keeper-protocol.ts';
import type { LocalMachine } from './machines.ts';
import { invalid, prepare, type Refused } from './prepare.ts';
import { startKeeper } from './start-keeper.ts';
import { isCode } from './write-once.ts';

/** This computer is full, not the pool wrong: soon there may be room. */
const fullRetryMs = 30_000;
const fullCodes = ['EAGAIN', 'ENOMEM', 'EMFILE', 'ENFILE', 'ENOSPC', 'EDQUOT'] as const;

/** The machine of this name, dead or alive, or a new one: a name has one, whichever attempt asks. */
export async function launch(context: LocalContext, request: LaunchRequest): Promise<LaunchAnswer> {
  const { machines, records, clock } = context;
  assert.ok(machines.isOwn(request.name), `${request.name} is not a runner of this host`);
  const known = machines.named(request.name);
  if (known) return { outcome: 'launched', machine: known.machine };

  if (clock.now() >= request.answerBefore)
    throw new Error(
      `the launch of ${request.name} was asked for after its time was over: nothing was started`,
    );

  const machine = `${request.name}.${request.attempt}` as MachineId;
  const instructions = await prepare(context, request, machine);
  if ('outcome' in instructions) return instructions;
  const { name, pool, attempt } = request;
  try {
    await records.writeOrder({ name, machine, pool, attempt, orderedAt: clock.now() });
  } catch (error) {
    return notStarted(error);
  }
  try {
    return await start(context, request, machine, instructions);
  } catch (error) {
    if (!(await records.revoke(machine, messageOf(error))))
      return await keep(context, request, machine, null);
    await records.forget(machine);
    return notStarted(error);
  }
}

async function start(
  context: LocalContext,
  request: LaunchRequest,
  machine: MachineId,
  instructions: KeeperInstructions,
): Promise<LaunchAnswer> {
  const { records, clock, folders } = context;
  const patienceMs = Math.max(0, request.answerBefore - clock.now());
  const word = await startKeeper(request.name, instructions, folders.cache, patienceMs, clock);
  if (word.said === 'nothing' && (await records.revoke(machine, word.why))) {
    await records.forget(machine);
    return word.code === null || fullCodes.some((code) => code === word.code)
      ? full(word.why)
      : invalid(word.why);
  }
  return keep(context, request, machine, word.said === 'kept' ? word.child : null);
}

/** A keeper has recorded itself; `child` where it is ours. */
async function keep(
  { machines, records }: LocalContext,
  { name }: LaunchRequest,
  machine: MachineId,
  child: ChildProcess | null,
): Promise<LaunchAnswer> {
  const fence = await records.readFence(machine);
  assert.ok(fence?.kind === 'keeper', `${machine} was revoked, and has a keeper all the same`);
  const { pid, startedAt } = fence;
  const keeper = { pid, startedAt };
  const launched: LocalMachine = { name, machine, keeper, diedAt: null, cause: '', isTold: false };
  if (child && isRunning(child)) {
    machines.add(launched, 'heard');
    child.once('exit', () => machines.lookSoon(launched));
  } else {
    machines.add(launched, 'watch');
  }
  return { outcome: 'launched', machine };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}

function full(reason: string): Refused {
  return { outcome: 'refused', refusal: 'noCapacity', reason, retryAfterMs: fullRetryMs };
}

function notStarted(error: unknown): Refused {
  return isCode(error, ...fullCodes) ? full(messageOf(error)) : invalid(messageOf(error));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
