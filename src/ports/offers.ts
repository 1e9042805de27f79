import type { EpochMs } from './clock.ts';

/** Something a host can be asked for: `m7g.large/eu-west-1a/spot`. */
export type Offer = string;

/** What had no capacity, remembered by all launchers until a time. Forgetting one costs a refused call, no more. */
export interface Offers {
  remember(offer: Offer, noCapacityUntil: EpochMs): Promise<void>;
  /** Those of `offers` that have no capacity now, each with its time. */
  unavailable(offers: readonly Offer[], now: EpochMs): Promise<ReadonlyMap<Offer, EpochMs>>;
}
