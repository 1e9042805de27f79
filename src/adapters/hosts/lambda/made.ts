// What the infrastructure has made for a host, as the adapter is told by its environment: a function for each pool.

import { z } from 'zod';
import type { HostName } from '../../../core/ids.ts';
import { readToldMade } from '../made.ts';

const madeSchema = z.object({
  /** The function's name, by pool. */
  functions: z.record(z.string(), z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)),
});

export type Made = z.output<typeof madeSchema>;

/** One for each host: the Reconciler's function looks at all of them. */
export function madeVariable(host: HostName): string {
  return `LAMBDA_${host.toUpperCase()}`;
}

export function readMade(environment: Readonly<Record<string, string | undefined>>, host: HostName): Made {
  return readToldMade(environment, { host, variable: madeVariable(host), schema: madeSchema });
}
