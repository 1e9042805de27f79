// One machine for one runner: an instant fleet of one, or on macOS, whose dedicated hosts fleets do not know, one
// instance. The client token is the runner's name and the attempt, so that the same call starts one machine however
// often it is made. A token answers for ever for what it did: for a machine that is dead by now, and for nothing at all
// where no offer had room. So other offers are another attempt, and the caller is told at once that one is worth it.

import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { Offer } from '../../../ports/offers.ts';
import { later, refused, tooLate } from './answers.ts';
import type { Came } from './ask.ts';
import { awaitHost } from './await-host.ts';
import type { HostContext } from './context.ts';
import { createFleet } from './create-fleet.ts';
import { hostsOf } from './dedicated-hosts.ts';
import { describeInstances, nameFilters, tagFilter } from './instances.ts';
import { type OfferTerms, offersOf, worthAsking } from './offer-list.ts';
import { type Ec2Machine, ec2Machine, isMac } from './options.ts';
import { isLasting, isOfMarket, meaningOf } from './refusals.ts';
import { runInstances } from './run-instances.ts';
import { settle } from './settle.ts';
import { launchTags, tagKeys } from './tags.ts';

/** A token is 64 characters at most; a name 57. [EC2: Ensuring idempotency] */
const attemptsMax = 99;
/** A type that a zone does not have is not asked for again within this. */
const lastingMinutes = 60;

export async function launch(context: HostContext, request: LaunchRequest): Promise<LaunchAnswer> {
  const { clock, made } = context;
  if (clock.now() >= request.answerBefore) throw tooLate('launch', request);
  const machine = ec2Machine.parse(request.machine);
  const template = made.templates[request.pool];
  if (template === undefined)
    return refused(
      'invalid',
      `pool ${request.pool} has no launch template: deploy the new configuration first`,
    );
  if (machine.dedicatedHostsMax > 0) return launchOnHost(context, request, { machine, template });
  const all = offersOf(machine, made.subnets, request.steady);
  const unavailable = await context.offers.unavailable(
    all.map(({ offer }) => offer),
    clock.now(),
  );
  const asked = worthAsking(all, unavailable);
  if (asked.length === 0) return refused('noCapacity', exhausted(unavailable));
  const ask = {
    token: tokenOf(request),
    template,
    machine,
    offers: asked,
    tags: launchTags(context, request),
  };
  const call = isOfMac(machine) ? runInstances : createFleet;
  const settled = await settle(context, request.answerBefore, (signal) => call(context, ask, signal));
  if ('answer' in settled) return answerOf(context, request, settled.answer, { all, asked, unavailable });
  const { refused: said } = settled;
  // Under this token something else was asked before: whatever came of that, is what this name has.
  if (said.code === 'IdempotentParameterMismatch') return launchedBefore(context, request);
  const error = { ...said, offer: isOfMac(machine) ? (asked[0] ?? null) : null };
  return answerOf(context, request, { machines: [], errors: [error] }, { all, asked, unavailable });
}

/**
 * A machine of macOS whose pool allocates dedicated hosts. EC2 is asked in any case, upon no host of ours where none is
 * free: only its answer to the token tells that this launch has no machine yet, so that its refusal is definite.
 */
async function launchOnHost(
  context: HostContext,
  request: LaunchRequest,
  { machine, template }: { machine: Ec2Machine; template: string },
): Promise<LaunchAnswer> {
  const all = offersOf(machine, context.made.subnets);
  const hosts = await hostsOf(context, request.pool, all);
  const ask = {
    token: tokenOf(request),
    template,
    machine,
    offers: hosts.free ? [hosts.free.offer] : all.slice(0, 1),
    tags: launchTags(context, request),
    ...(hosts.free && { dedicatedHost: hosts.free.id }),
  };
  const settled = await settle(context, request.answerBefore, (signal) => runInstances(context, ask, signal));
  if ('answer' in settled) {
    const [id] = settled.answer.machines;
    if (id !== undefined) return { outcome: 'launched', machine: id as MachineId };
    throw new Error(`runner ${request.name}: EC2 launched something, and does not say which machine`);
  }
  const { code, message } = settled.refused;
  if (code === 'IdempotentParameterMismatch') return launchedBefore(context, request);
  const meaning = meaningOf(code);
  if (meaning === 'nextOffer' && !hosts.free) return awaitHost(context, request, { machine, all, hosts });
  const reason = [hosts.free?.id, code, message].filter(Boolean).join(': ');
  const retryMs = later(context, request.attempt);
  // Another machine was faster, or the host was let go of: the next attempt looks for another one.
  if (/^InvalidHost/.test(code)) return refused('noCapacity', reason, retryMs);
  if (meaning === 'never') return refused('invalid', reason);
  return refused(meaning === 'later' ? 'throttled' : 'noCapacity', reason, retryMs);
}

interface Asked {
  all: readonly OfferTerms[];
  asked: readonly OfferTerms[];
  unavailable: ReadonlyMap<Offer, EpochMs>;
}

async function answerOf(
  context: HostContext,
  request: LaunchRequest,
  { machines, errors }: Came,
  { all, asked, unavailable }: Asked,
): Promise<LaunchAnswer> {
  const isEmpty = machines.length === 0;
  const failed = failedOffers(errors, asked, isEmpty);
  await remember(context, failed);
  const [machine] = machines;
  if (machine !== undefined) return { outcome: 'launched', machine: machine as MachineId };

  const reason = errors.map(
    ({ code, message, offer }) => `${offer ? `${offer.offer}: ` : ''}${code}: ${message}`,
  );
  const said = [...new Set(reason)].slice(0, 3).join('; ') || 'EC2 started nothing, and gave no reason';
  const meanings = new Set(errors.map(({ code }) => meaningOf(code)));
  const retryMs = later(context, request.attempt);
  if (failed.size > 0) {
    const isLeft = all.some(({ offer }) => !unavailable.has(offer) && !failed.has(offer));
    return refused('noCapacity', said, isLeft ? 0 : null);
  }
  if (meanings.has('never')) return refused('invalid', said);
  if (meanings.has('later')) return refused('throttled', said, retryMs);
  return refused('noCapacity', said, retryMs);
}

/**
 * Each with its code. Where nothing came, and nothing was said of any single offer, or the account's limit is reached,
 * all that were asked have failed.
 */
function failedOffers(
  errors: Came['errors'],
  asked: readonly OfferTerms[],
  isEmpty: boolean,
): ReadonlyMap<Offer, string> {
  const failed = new Map<Offer, string>();
  const ofCapacity = errors.filter(({ code }) => meaningOf(code) === 'nextOffer');
  for (const { offer, code } of ofCapacity) if (offer) failed.set(offer.offer, code);
  if (!isEmpty) return failed;
  const limit = ofCapacity.find((error) => isOfMarket(error.code))?.code;
  if (failed.size > 0 && limit === undefined) return failed;
  const code = limit ?? ofCapacity[0]?.code ?? (errors.length === 0 ? 'UnfulfillableCapacity' : null);
  if (code !== null) for (const { offer } of asked) failed.set(offer, code);
  return failed;
}

async function remember(
  { offers, clock, options }: HostContext,
  failed: ReadonlyMap<Offer, string>,
): Promise<void> {
  const now = clock.now();
  await Promise.all(
    [...failed].map(([offer, code]) => {
      const minutes = isLasting(code) ? lastingMinutes : options.noCapacityMinutes;
      return offers.remember(offer, now + minutes * 60_000);
    }),
  );
}

async function launchedBefore(context: HostContext, request: LaunchRequest): Promise<LaunchAnswer> {
  const attempt = tagFilter(tagKeys.attempt, String(request.attempt));
  const [found] = await describeInstances(context, [...nameFilters(context, request.name), attempt]);
  if (found) return { outcome: 'launched', machine: found.machine };
  throw new Error(
    `runner ${request.name}: attempt ${request.attempt} was asked for before in other terms, and EC2 lists no machine of ` +
      'it: whether one started is not known',
  );
}

function tokenOf({ name, attempt }: LaunchRequest): string {
  if (attempt > attemptsMax) throw new Error(`runner ${name}: attempt ${attempt}, ${attemptsMax} at most`);
  return `${name}-${attempt}`;
}

function isOfMac({ instanceTypes }: Ec2Machine): boolean {
  return instanceTypes.some(isMac);
}

/** With the time of the day: it is read later, in the story of a runner. */
function exhausted(unavailable: ReadonlyMap<Offer, EpochMs>): string {
  const next = new Date(Math.min(...unavailable.values())).toISOString().replace(/\.\d+Z$/, 'Z');
  const offers = [...unavailable.keys()].slice(0, 5).join(', ');
  return `no capacity in any of the pool's ${unavailable.size} offers (${offers}) until ${next}`;
}
