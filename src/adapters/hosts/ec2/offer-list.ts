// What a pool may ask EC2 for, and what of it is worth asking for now.

import type { EpochMs } from '../../../ports/clock.ts';
import type { Offer } from '../../../ports/offers.ts';
import type { Made } from './made.ts';
import type { Ec2Machine } from './options.ts';

type Market = 'spot' | 'onDemand';

export interface OfferTerms {
  offer: Offer;
  instanceType: string;
  subnet: string;
  zone: string;
  market: Market;
  /** By the order of the pool's types: the lowest is preferred. */
  priority: number;
}

/** Every type in every zone in every market of the pool: the preferred first. `steady`: none that is taken back. */
export function offersOf(machine: Ec2Machine, subnets: Made['subnets'], steady = false): OfferTerms[] {
  const markets: readonly Market[] = steady ? ['onDemand'] : marketsOf(machine);
  return markets.flatMap((market) =>
    machine.instanceTypes.flatMap((instanceType, priority) =>
      oneSubnetPerZone(subnets).map(([zone, subnet]) => ({
        offer: `${instanceType}/${zone}/${market}`,
        instanceType,
        subnet,
        zone,
        market,
        priority,
      })),
    ),
  );
}

/** One call asks in one market: the first of the pool's in which an offer is left. */
export function worthAsking(
  offers: readonly OfferTerms[],
  unavailable: ReadonlyMap<Offer, EpochMs>,
): OfferTerms[] {
  const left = offers.filter(({ offer }) => !unavailable.has(offer));
  return left.filter(({ market }) => market === left[0]?.market);
}

function marketsOf({ market }: Ec2Machine): Market[] {
  switch (market) {
    case 'onDemand':
      return ['onDemand'];
    case 'spot':
      return ['spot'];
    case 'spotThenOnDemand':
      return ['spot', 'onDemand'];
    default:
      return market satisfies never;
  }
}

/** Capacity is a zone's, so a second subnet of one would be asked in vain. */
function oneSubnetPerZone(subnets: Made['subnets']): [zone: string, subnet: string][] {
  const byZone = new Map<string, string>();
  for (const [subnet, zone] of Object.entries(subnets)) if (!byZone.has(zone)) byZone.set(zone, subnet);
  return [...byZone];
}
