// What EC2 is asked for when a machine is to start, and what came of it, whichever call it was asked by.

import type { Tag } from '@aws-sdk/client-ec2';
import type { OfferTerms } from './offer-list.ts';
import type { Ec2Machine } from './options.ts';

export interface Ask {
  token: string;
  /** `<id>:<version>` of the pool's launch template. */
  template: string;
  machine: Ec2Machine;
  offers: readonly OfferTerms[];
  tags: Tag[];
  /** macOS: that which was allocated for the pool. Without it EC2 takes one of the owner's. */
  dedicatedHost?: string;
}

/** What was asked for came about, or these stood in its way; both, where an offer failed and another did not. */
export interface Came {
  machines: readonly string[];
  errors: readonly { code: string; message: string; offer: OfferTerms | null }[];
}
