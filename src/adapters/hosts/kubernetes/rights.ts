// All that this host does in a cluster, and so all that it may be allowed. The Role in the documents and the one that is
// made on EKS come from this list, and the question whether the cluster allows it asks for this list.

import type { Api, Resource, Verb } from './api.ts';
import { isUnsure } from './list.ts';
import type { KubernetesHostOptions } from './options.ts';

export interface Right {
  resource: Resource;
  verb: Verb;
}

export function rightsNeeded({ watch }: Pick<KubernetesHostOptions, 'watch'>): Right[] {
  const always: Right[] = [
    ...(['create', 'get', 'list', 'delete'] as const).map((verb) => ({ resource: 'jobs', verb }) as const),
    { resource: 'secrets', verb: 'create' },
    // Why one is not up.
    ...(['pods', 'events'] as const).map((resource) => ({ resource, verb: 'list' }) as const),
  ];
  if (!watch) return always;
  return [
    ...always,
    ...(['jobs', 'pods', 'events'] as const).map((resource) => ({ resource, verb: 'watch' }) as const),
  ];
}

export async function demandRights(
  { api, options }: { api: Api; options: KubernetesHostOptions },
  onWarning: (text: string) => void,
): Promise<void> {
  try {
    const asked = await Promise.all(
      rightsNeeded(options).map(async (right) => ({
        ...right,
        ...(await api.may(right.verb, right.resource)),
      })),
    );
    const missing = asked
      .filter(({ allowed }) => !allowed)
      .map(({ verb, resource }) => `${verb} ${resource}`);
    if (missing.length > 0) throw new Error(missingRights(options.namespace, missing));
  } catch (error) {
    if (!isUnsure(error)) throw error;
    onWarning(
      `what the cluster allows could not be asked now: ${error instanceof Error ? error.message : ''}`,
    );
  }
}

function missingRights(namespace: string, missing: readonly string[]): string {
  return (
    `the cluster does not allow this system to ${missing.join(', ')} in namespace ${namespace}. ` +
    'Remedy: give its user, group or service account the Role of docs/hosts/kubernetes.md (kubectl apply).'
  );
}
