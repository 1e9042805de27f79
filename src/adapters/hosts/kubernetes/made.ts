// What the infrastructure has made for a host on EKS, as the adapter is told by its environment.

import { z } from 'zod';
import type { HostName } from '../../../core/ids.ts';

const madeSchema = z.object({
  cluster: z.string().min(1).max(100),
  /** Whom the cluster knows; whoever may assume it may do what the namespace's Role says. */
  role: z.string().regex(/^arn:[\w-]+:iam::\d{12}:role\/.+$/),
  /** Where images of `ghcr.io` are pulled instead, by a cache; left out: there. */
  images: z.string().min(1).max(255).optional(),
});

export type Made = z.output<typeof madeSchema>;

/** One for each host: the Reconciler's function looks at all of them. */
export function madeVariable(host: HostName): string {
  return `KUBERNETES_${host.toUpperCase()}`;
}

/** The group that the host's access entry is in, and the name of the Role that it is bound to. Stacks have names of their own. */
export function groupOf(stackName: string, host: HostName): string {
  return `${stackName.toLowerCase()}-${host}`;
}

export function readMade(environment: Readonly<Record<string, string | undefined>>, host: HostName): Made {
  const variable = madeVariable(host);
  const read = madeSchema.safeParse(parsed(environment[variable]));
  if (read.success) return read.data;
  throw new Error(
    `host ${host}: the variable ${variable} is missing or not as it was deployed. ` +
      'Remedy: deploy again; the infrastructure sets it.',
  );
}

function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return null;
  }
}
