// What had no capacity, as all launchers remember it, and as this process does beside that: where the table can not be
// asked, a next attempt must still ask for other offers than the last, or it would never come to those that have room.

import type { EpochMs } from '../../../ports/clock.ts';
import type { Offer, Offers } from '../../../ports/offers.ts';

/** Never fails: to forget an offer costs a refused call, and an answer of EC2's must not be put in doubt by it. */
export function remembered(offers: Offers): Offers {
  /** The offers that pools name: the configuration bounds it. */
  const here = new Map<Offer, EpochMs>();

  return {
    async remember(offer, until) {
      here.set(offer, Math.max(until, here.get(offer) ?? 0));
      await offers.remember(offer, until).catch(() => {});
    },
    async unavailable(asked, now) {
      const everywhere = await offers.unavailable(asked, now).catch(() => new Map<Offer, EpochMs>());
      const found = new Map(everywhere);
      for (const offer of asked) {
        const until = here.get(offer) ?? 0;
        if (until > now) found.set(offer, Math.max(until, found.get(offer) ?? 0));
      }
      return found;
    },
  };
}
