// What GitHub says of itself to everybody. Asked with an installation's token all the same: without one it grants 60
// requests an hour to an address, and functions share theirs with strangers.

import { z } from 'zod';
import type { GitHub } from '../../../ports/github.ts';
import { demand, type Requests } from './requests.ts';

/** An Enterprise Server has no such list. */
const metaSchema = z.object({
  hooks: z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]),
});

export function createMeta(requests: Requests): Pick<GitHub, 'hookAddresses'> {
  return {
    async hookAddresses(installation) {
      const asked = { caller: installation, route: 'GET /meta', reads: metaSchema } as const;
      return (await demand(requests, asked)).data.hooks;
    },
  };
}
