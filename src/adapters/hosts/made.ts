// What the infrastructure has made for a host, as an adapter is told by one variable of its environment, in JSON.

import { z } from 'zod';
import type { HostName } from '../../core/ids.ts';

export interface ToldMade<Schema extends z.ZodType> {
  host: HostName;
  /** One for each host: the Reconciler's function looks at all of them. */
  variable: string;
  schema: Schema;
}

export function readToldMade<Schema extends z.ZodType>(
  environment: Readonly<Record<string, string | undefined>>,
  { host, variable, schema }: ToldMade<Schema>,
): z.output<Schema> {
  const text = environment[variable];
  const read = schema.safeParse(text === undefined ? undefined : parsed(text));
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
