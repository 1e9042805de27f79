// Machines as Lambda describes them, dead ones too for about a day. It is eventually consistent: one that was just
// launched may be unknown for seconds, and to be unknown proves nothing. Whose they are is told by their image.

import {
  GetMicrovmCommand,
  ListMicrovmsCommand,
  type ListMicrovmsCommandOutput,
  type MicrovmState,
} from '@aws-sdk/client-lambda-microvms';
import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { HostContext } from './context.ts';
import { isNotFound } from './refusals.ts';

export interface ListedVm {
  machine: MachineId;
  state: MicrovmState;
  image: string;
  version: string;
  startedAt: EpochMs;
}

export interface DescribedVm extends ListedVm {
  /** What it was launched with, to the second. */
  lifeSeconds: number;
  /** Why it is in this state, as Lambda says. */
  cause: string;
}

/** The most that a page may have. [the service's model: ListMicrovms] */
const pageSize = 50;
/** Ten thousand machines of the account in a day; the list knows no filter by state. */
const pagesMax = 200;

/** Of this host, of all its pools, those too that are no longer configured. */
export async function ownVms(context: HostContext): Promise<ListedVm[]> {
  const found: ListedVm[] = [];
  let next: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer: ListMicrovmsCommandOutput = await context.clients.repeating.send(
      new ListMicrovmsCommand({ maxResults: pageSize, ...(next !== undefined && { nextToken: next }) }),
    );
    for (const { microvmId, state, imageArn, imageVersion, startedAt } of answer.items ?? [])
      if (microvmId && state && imageArn && isOwn(context, imageArn))
        found.push({
          machine: microvmId as MachineId,
          state,
          image: imageArn,
          version: imageVersion ?? '',
          startedAt: startedAt?.getTime() ?? 0,
        });
    next = answer.nextToken;
    if (!next) return found;
  }
  throw new Error(`Lambda lists more than ${pagesMax * pageSize} MicroVMs of this account`);
}

/** `null`: unknown, not yet or not any more. A stranger's is told too. */
export async function vmOf({ clients }: HostContext, machine: MachineId): Promise<DescribedVm | null> {
  try {
    const command = new GetMicrovmCommand({ microvmIdentifier: machine });
    const answer = await clients.repeating.send(command);
    const { state, imageArn, imageVersion, startedAt, maximumDurationInSeconds, stateReason } = answer;
    if (!state || !imageArn) return null;
    return {
      machine,
      state,
      image: imageArn,
      version: imageVersion ?? '',
      startedAt: startedAt?.getTime() ?? 0,
      lifeSeconds: maximumDurationInSeconds ?? 0,
      cause: stateReason ?? '',
    };
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}

export function isOwn({ made }: Pick<HostContext, 'made'>, image: string): boolean {
  return image.startsWith(made.imagePrefix);
}

/** Until Lambda calls it terminated, it may still run, and it takes up its place. */
export function isDead({ state }: Pick<ListedVm, 'state'>): boolean {
  return state === 'TERMINATED';
}
