// What the infrastructure has made for a host, as the adapter is told by its environment: a launch template for each
// pool, the subnets with their zones, and the stack that all of it is of.

import { z } from 'zod';
import type { HostName } from '../../../core/ids.ts';
import { readToldMade } from '../made.ts';

const madeSchema = z.object({
  stack: z.string().min(1).max(128),
  /** Of the pool: `<id of the launch template>:<version>`. */
  templates: z.record(z.string(), z.string().regex(/^lt-[0-9a-f]{8,17}:\d{1,9}$/)),
  /** Each `<id>:<zone>`. */
  subnets: z.array(z.string().regex(/^subnet-[0-9a-f]{8,17}:[a-z0-9-]{5,30}$/)).min(1),
});

export interface Made {
  /** What carries its name by a tag may be changed. */
  stack: string;
  templates: Readonly<Record<string, string>>;
  /** The zone of each subnet, by the subnet's id. */
  subnets: Readonly<Record<string, string>>;
}

/** One for each host: the Reconciler's function looks at all of them. */
export function madeVariable(host: HostName): string {
  return `EC2_${host.toUpperCase()}`;
}

export function readMade(environment: Readonly<Record<string, string | undefined>>, host: HostName): Made {
  const told = readToldMade(environment, { host, variable: madeVariable(host), schema: madeSchema });
  return { ...told, subnets: Object.fromEntries(told.subnets.map((subnet) => subnet.split(':'))) };
}
