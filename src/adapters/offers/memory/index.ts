// What had no capacity, remembered by one process.

import type { EpochMs } from '../../../ports/clock.ts';
import type { Offer, Offers } from '../../../ports/offers.ts';

export function createMemoryOffers(): Offers {
  /** The offers that pools name: the configuration bounds it. */
  const untilOf = new Map<Offer, EpochMs>();

  return {
    async remember(offer, noCapacityUntil) {
      untilOf.set(offer, Math.max(noCapacityUntil, untilOf.get(offer) ?? 0));
    },
    async unavailable(offers, now) {
      const found = new Map<Offer, EpochMs>();
      for (const offer of offers) {
        const until = untilOf.get(offer);
        if (until !== undefined && until > now) found.set(offer, until);
      }
      return found;
    },
  };
}
