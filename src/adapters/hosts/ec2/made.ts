// What the infrastructure has made for a host, as the adapter is told by its environment: a launch template for each
// pool, and the subnets with their zones.

import { z } from 'zod';
import type { HostName } from '../../../core/ids.ts';

const madeSchema = z.object({
  /** Of the pool: `<id of the launch template>:<version>`. */
  templates: z.record(z.string(), z.string().regex(/^lt-[0-9a-f]{8,17}:\d{1,9}$/)),
  /** By id, each with its zone. */
  subnets: z.record(z.string().regex(/^subnet-[0-9a-f]{8,17}$/), z.string().regex(/^[a-z0-9-]{5,30}$/)),
});

export type Made = z.output<typeof madeSchema>;

/** One for each host: the Reconciler's function looks at all of them. */
export function madeVariable(host: HostName): string {
  return `EC2_${host.toUpperCase()}`;
}

export function readMade(environment: Readonly<Record<string, string | undefined>>, host: HostName): Made {
  const variable = madeVariable(host);
  const text = environment[variable];
  const read = madeSchema.safeParse(text === undefined ? undefined : parsed(text));
  if (read.success) return read.data;
  const wrong =
    text === undefined ? 'is not set' : `is not as it was deployed: ${z.prettifyError(read.error)}`;
  throw new Error(
    `host ${host}: the variable ${variable} ${wrong}. Remedy: deploy again; the infrastructure sets it.`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
