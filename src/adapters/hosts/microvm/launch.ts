// One MicroVM for one runner, by one call. The client token is the runner's name and the attempt, so that the same call
// starts one machine however often it is made. The name is written down before the launch is said to have succeeded:
// what carries no tag is only known by that.

import { RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import type { MachineId } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { refusalFor, refused, tooLate } from './answers.ts';
import type { HostContext } from './context.ts';
import { lifeSecondsMax, lifeSecondsOf } from './life.ts';
import type { MadePool } from './made.ts';
import { meantBy } from './meant.ts';
import { microvmMachine } from './options.ts';
import { payloadOf } from './payload.ts';
import { meaningOf } from './refusals.ts';
import { settle } from './settle.ts';

/** A token is 128 characters at most, a name 57. [the service's model] */
const attemptsMax = 99;

export async function launch(context: HostContext, request: LaunchRequest): Promise<LaunchAnswer> {
  const { clock, clients, made } = context;
  if (clock.now() >= request.answerBefore) throw tooLate('launch', request);
  microvmMachine.parse(request.machine);
  const pool = made.pools.get(request.pool);
  if (!pool)
    return refused('invalid', `pool ${request.pool} has no image: deploy the new configuration first`);
  const secondsWanted = wanted(pool, request);
  if (secondsWanted > lifeSecondsMax) return refused('invalid', tooLong(request, secondsWanted));
  const command = new RunMicrovmCommand({
    clientToken: tokenOf(request),
    imageIdentifier: pool.image,
    imageVersion: pool.version,
    maximumDurationInSeconds: lifeSecondsOf(request.name, secondsWanted),
    runHookPayload: payloadOf(request),
    // Nobody calls a machine. Left out, it would have a door of its own on the internet. [Lambda: MicroVM networking]
    ingressNetworkConnectors: [made.ingress],
    egressNetworkConnectors: [made.egress],
    // A machine without a role can't write its logs, and a role would be its job's. [Lambda: MicroVM monitoring]
    logging: { disabled: {} },
    // No `idlePolicy`: it counts what comes in by the door alone, so it would freeze a runner at its work.
  });
  const settled = await settle(context, request.answerBefore, (abortSignal) =>
    clients.once.send(command, { abortSignal }),
  );
  if ('answer' in settled) return named(context, request, settled.answer.microvmId);
  const { refused: said } = settled;
  // Under this token something else was asked before: whatever came of that, is what this name has.
  if (meaningOf(said.code) === 'conflict') return launchedBefore(context, request, said.message);
  return refusalFor(context, request, said);
}

/** A machine that may stand by for a while before it works lives as long as the platform lets it. */
function wanted(pool: MadePool, { lifetimeMsMax }: LaunchRequest): number {
  const seconds = Math.ceil(lifetimeMsMax / 1000);
  return pool.hasSpares ? Math.max(lifeSecondsMax, seconds) : seconds;
}

async function named(
  { names, clock }: HostContext,
  { name }: LaunchRequest,
  id: string | undefined,
): Promise<LaunchAnswer> {
  if (!id) throw new Error(`runner ${name}: Lambda answered without a machine, so what started is not known`);
  const machine = id as MachineId;
  const now = await names.remember(machine, name, null, clock.now()).catch((error: unknown) => {
    throw new Error(`runner ${name}: machine ${machine} runs, and its name could not be written down`, {
      cause: error,
    });
  });
  if (!now.includes(name)) throw new Error(`runner ${name}: machine ${machine} is that of ${now[0]}`);
  return { outcome: 'launched', machine };
}

async function launchedBefore(
  context: HostContext,
  { name, attempt }: LaunchRequest,
  said: string,
): Promise<LaunchAnswer> {
  const { machines } = await meantBy(context, { name, machine: null });
  const [found] = machines;
  if (found) return { outcome: 'launched', machine: found.machine };
  throw new Error(
    `runner ${name}: attempt ${attempt} is in conflict with what is there (${said}), and Lambda lists no machine of ` +
      'it: whether one started is not known',
  );
}

function tokenOf({ name, attempt }: LaunchRequest): string {
  if (attempt > attemptsMax) throw new Error(`runner ${name}: attempt ${attempt}, ${attemptsMax} at most`);
  return `${name}-${attempt}`;
}

function tooLong({ pool }: LaunchRequest, seconds: number): string {
  return (
    `pool ${pool}: its runners may live for ${seconds} s (boot, waiting and job together), and a MicroVM for ` +
    `${lifeSecondsMax} s: lower jobMinutesMax, or take a host of type ec2 or kubernetes`
  );
}
