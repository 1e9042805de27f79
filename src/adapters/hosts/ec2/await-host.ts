// What becomes of a launch of macOS for which no dedicated host is free, where its pool allocates them. A host costs for
// a day at least, so another one is allocated only where none is on its way, one after another, up to what the pool
// says. The launch does not wait here: it is refused with the reason, and the plan asks again.
//
// That no two are allocated for one need is the client token's work: it is made of the hosts that are there already, and
// of the day. Two launchers that see the same ask for the same host, and so does a later launch that does not see yet
// what a lost answer has made. A host stays for a day at least, so that none of the same day was released.

import { createHash } from 'node:crypto';
import { AllocateHostsCommand, CreateTagsCommand } from '@aws-sdk/client-ec2';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { later, refused } from './answers.ts';
import type { HostContext } from './context.ts';
import { type DedicatedHost, type HostsOfPool, isKept } from './dedicated-hosts.ts';
import type { OfferTerms } from './offer-list.ts';
import type { Ec2Machine } from './options.ts';
import { isLasting, meaningOf } from './refusals.ts';
import { settle } from './settle.ts';
import { dedicatedHostTags, tagKeys } from './tags.ts';

interface Awaiting {
  machine: Ec2Machine;
  /** What the pool may be launched as: each type in each zone. */
  all: readonly OfferTerms[];
  hosts: HostsOfPool;
}

/** A host that is pending and older than this is being scrubbed, which takes hours; a new one is ready in minutes. */
const newMs = 30 * 60_000;
/** That a host which is being scrubbed is wanted is written down so often, at most. */
const wantedAgainMs = 5 * 60_000;
const dayMs = 24 * 3_600_000;
/** A type that a zone does not have is not asked for again within this. */
const lastingMinutes = 60;

export async function awaitHost(
  context: HostContext,
  request: LaunchRequest,
  given: Awaiting,
): Promise<LaunchAnswer> {
  const { machine, hosts } = given;
  const now = context.clock.now();
  const pending = hosts.fitting.filter(({ state }) => state === 'pending');
  const coming = pending.find(({ allocatedAt }) => now - allocatedAt < newMs);
  if (coming) return refused('noCapacity', `dedicated host ${coming.id} is being made ready`);
  const kept = hosts.all.filter(isKept);
  if (kept.length < machine.dedicatedHostsMax) return allocate(context, request, given);
  await want(context, pending);
  return refused('noCapacity', allTaken(machine, kept));
}

/** In the first zone that has one. */
async function allocate(
  context: HostContext,
  request: LaunchRequest,
  { all, hosts }: Awaiting,
): Promise<LaunchAnswer> {
  const { clock, offers } = context;
  const names = all.map(({ offer }) => offer);
  const unavailable = await offers.unavailable(names, clock.now());
  let said = 'no zone had a dedicated host for it a while ago';
  for (const offer of all.filter((one) => !unavailable.has(one.offer))) {
    const command = new AllocateHostsCommand({
      AvailabilityZone: offer.zone,
      InstanceType: offer.instanceType,
      Quantity: 1,
      // Nobody else's machine comes upon it.
      AutoPlacement: 'off',
      ClientToken: tokenOf(context, request, offer, hosts),
      TagSpecifications: [{ ResourceType: 'dedicated-host', Tags: dedicatedHostTags(context, request.pool) }],
    });
    const settled = await settle(context, request.answerBefore, (abortSignal) =>
      context.clients.once.send(command, { abortSignal }),
    );
    if ('answer' in settled) {
      const [id = 'without a name'] = settled.answer.HostIds ?? [];
      return refused('noCapacity', `dedicated host ${id} was allocated, and is being made ready`);
    }
    const { code, message } = settled.refused;
    said = `${offer.instanceType} in ${offer.zone}: ${code}: ${message}`;
    const meaning = meaningOf(code);
    if (meaning === 'never') return refused('invalid', said);
    if (meaning === 'later') return refused('throttled', said, later(context, request.attempt));
    const minutes = isLasting(code) ? lastingMinutes : context.options.noCapacityMinutes;
    await offers.remember(offer.offer, clock.now() + minutes * 60_000);
  }
  return refused('noCapacity', said);
}

function tokenOf(
  { deployment, host, clock }: HostContext,
  { pool }: LaunchRequest,
  { offer }: OfferTerms,
  hosts: HostsOfPool,
): string {
  const ids = hosts.all.map(({ id }) => id).sort();
  const seen = [deployment, host, pool, offer, Math.floor(clock.now() / dayMs), ...ids];
  return createHash('sha256').update(seen.join(' ')).digest('hex');
}

/** A host that comes back after its day would be released at once. */
async function want(context: HostContext, pending: readonly DedicatedHost[]): Promise<void> {
  const now = context.clock.now();
  const due = pending.filter(({ wantedAt }) => now - wantedAt >= wantedAgainMs);
  if (due.length === 0) return;
  const Tags = [{ Key: tagKeys.wanted, Value: new Date(now).toISOString() }];
  const Resources = due.map(({ id }) => id);
  await context.clients.repeating.send(new CreateTagsCommand({ Resources, Tags }));
}

function allTaken({ dedicatedHostsMax }: Ec2Machine, kept: readonly DedicatedHost[]): string {
  const states = kept.map(({ id, state, isEmpty }) => {
    if (!isEmpty) return `${id} has a machine`;
    return state === 'pending' ? `${id} is being scrubbed after a machine` : `${id} is ${state}`;
  });
  return `all ${dedicatedHostsMax} dedicated hosts of the pool are taken: ${states.join(', ')}`;
}
