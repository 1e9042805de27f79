// Dedicated hosts that this deployment has allocated, as EC2 describes them. They are known by their tags, like
// machines; a host of the owner's own has none of them and is never touched.

import {
  type AllocationState,
  DescribeHostsCommand,
  type DescribeHostsCommandOutput,
  type Host,
} from '@aws-sdk/client-ec2';
import type { PoolName } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { HostContext } from './context.ts';
import type { OfferTerms } from './offer-list.ts';
import { tagKeys } from './tags.ts';

export interface DedicatedHost {
  id: string;
  instanceType: string;
  zone: string;
  /** `pending`: it is being made ready, or scrubbed after a machine. */
  state: AllocationState;
  isEmpty: boolean;
  allocatedAt: EpochMs;
  pool: string;
  /** When a launch last waited for it; 0: none has. */
  wantedAt: EpochMs;
}

export interface HostsOfPool {
  all: readonly DedicatedHost[];
  /** Of a type and in a zone that the pool may be launched in now. */
  fitting: readonly DedicatedHost[];
  free: { id: string; offer: OfferTerms } | null;
}

/** The most that a page may have. [EC2: DescribeHosts] */
const pageSize = 500;
/** Five thousand Macs. */
const pagesMax = 10;

export async function hostsOf(
  context: HostContext,
  pool: PoolName,
  offers: readonly OfferTerms[],
): Promise<HostsOfPool> {
  const offerOf = ({ instanceType, zone }: DedicatedHost) =>
    offers.find((offer) => offer.instanceType === instanceType && offer.zone === zone);
  const all = (await describeDedicatedHosts(context)).filter((host) => host.pool === pool);
  const fitting = all.filter(offerOf);
  // The youngest, whose day is paid for: the older may go.
  const [first] = fitting.filter(isFree).sort((a, b) => b.allocatedAt - a.allocatedAt);
  const offer = first && offerOf(first);
  return { all, fitting, free: offer ? { id: first.id, offer } : null };
}

/** Those that are released are among them for some time. EC2 knows no filter by the value of a tag here. */
export async function describeDedicatedHosts(context: HostContext): Promise<DedicatedHost[]> {
  const found: DedicatedHost[] = [];
  let next: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer: DescribeHostsCommandOutput = await context.clients.repeating.send(
      new DescribeHostsCommand({
        Filter: [{ Name: 'tag-key', Values: [tagKeys.prefix] }],
        MaxResults: pageSize,
        ...(next !== undefined && { NextToken: next }),
      }),
    );
    found.push(...(answer.Hosts ?? []).flatMap((host) => own(context, host) ?? []));
    next = answer.NextToken;
    if (!next) return found;
  }
  throw new Error(`EC2 lists more than ${pagesMax * pageSize} dedicated hosts of deployments like this`);
}

function own({ deployment, host: name, made }: HostContext, host: Host): DedicatedHost | null {
  const tag = (key: string): string => host.Tags?.find(({ Key }) => Key === key)?.Value ?? '';
  const { HostId: id, State: state, AvailabilityZone: zone, AllocationTime: allocatedAt } = host;
  const isOwn =
    tag(tagKeys.prefix) === deployment && tag(tagKeys.host) === name && tag(tagKeys.stack) === made.stack;
  if (!isOwn || !id || !state || !zone || !allocatedAt) return null;
  const wantedAt = Date.parse(tag(tagKeys.wanted));
  return {
    id,
    instanceType: host.HostProperties?.InstanceType ?? '',
    zone,
    state,
    isEmpty: (host.Instances ?? []).length === 0,
    allocatedAt: allocatedAt.getTime(),
    pool: tag(tagKeys.pool),
    wantedAt: Number.isNaN(wantedAt) ? 0 : wantedAt,
  };
}

/** It is paid for, or will be: no more of these than a pool may have. */
export function isKept({ state }: DedicatedHost): boolean {
  return (
    state === 'available' || state === 'pending' || state === 'configuring' || state === 'under-assessment'
  );
}

export function isFree({ state, isEmpty }: DedicatedHost): boolean {
  return state === 'available' && isEmpty;
}
