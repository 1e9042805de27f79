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
import type { HostContext } from './context.ts';
import { createFleet } from './create-fleet.ts';
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
  const all = offersOf(machine, made.subnets);
  const unavailable = await context.offers.unavailable(
    all.map(({ offer }) => offer),
    clock.now(),
  );
  const asked = worthAsking(all, unavailable);
  if (asked.length === 0) return refused('noCapacity', exhausted(unavailable, clock.now()));
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

function exhausted(unavailable: ReadonlyMap<Offer, EpochMs>, now: EpochMs): string {
  const nextMs = Math.min(...unavailable.values()) - now;
  const offers = [...unavailable.keys()].slice(0, 5).join(', ');
  return `none of the pool's ${unavailable.size} offers had room a while ago (${offers}); the next is tried in ${Math.ceil(nextMs / 1000)} s`;
}
