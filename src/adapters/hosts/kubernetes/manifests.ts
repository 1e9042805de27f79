// What a namespace needs for this host, as Kubernetes' own objects: for `kubectl apply` on any cluster, and for the
// stack that does it on EKS.

import type { KubernetesHostOptions } from './options.ts';
import { rightsNeeded } from './rights.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}

/** The Role's rules: exactly what the host asks the cluster for. */
export function roleRules(options: Pick<KubernetesHostOptions, 'watch'>): Rule[] {
  const rights = rightsNeeded(options);
  return [...new Set(rights.map(({ resource }) => resource))].map((resource) => ({
    apiGroups: [resource === 'jobs' ? 'batch' : ''],
    resources: [resource],
    verbs: rights.filter((right) => right.resource === resource).map(({ verb }) => verb),
  }));
}
