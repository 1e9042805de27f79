// What a namespace needs for this host, as Kubernetes' own objects, for `kubectl apply` on any cluster.

import { hookRules } from './hooks.ts';
import type { Plain } from './merge.ts';
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

/** Who the system is to the cluster. */
export type Subject =
  | { kind: 'Group' | 'User'; name: string }
  | { kind: 'ServiceAccount'; name: string; namespace: string };

export interface ManifestsGiven {
  /** Of all objects but the namespace: two hosts in one namespace have each their own. */
  name: string;
  options: Pick<KubernetesHostOptions, 'namespace' | 'watch'>;
  subject: Subject;
  /** Machines alive at once: the quota is made of it. */
  limit: number;
  /** Of Pod Security, for the namespace. */
  podSecurity: 'restricted' | 'baseline' | 'privileged';
  /** Service accounts of pools whose jobs' containers are pods of their own. */
  hookAccounts: readonly string[];
}

const managed = { 'app.kubernetes.io/managed-by': 'ephemeral-runners' };
/** Ended Jobs stay for ten minutes, and a busy host ends many in that time: a bound for faults, not for use. */
const jobsForEachPlace = 50;

export function manifestsOf({
  name,
  options,
  subject,
  limit,
  podSecurity,
  hookAccounts,
}: ManifestsGiven): Plain {
  const { namespace } = options;
  const rbac = 'rbac.authorization.k8s.io';
  const metadata = { name, namespace, labels: managed };
  return {
    apiVersion: 'v1',
    kind: 'List',
    items: [
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: {
          name: namespace,
          labels: { ...managed, 'pod-security.kubernetes.io/enforce': podSecurity },
        },
      },
      { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: roleRules(options) },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: rbac, kind: 'Role', name },
        subjects: [{ ...(subject.kind !== 'ServiceAccount' && { apiGroup: rbac }), ...subject }],
      },
      {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata,
        spec: {
          hard: {
            'count/jobs.batch': String(limit * jobsForEachPlace),
            pods: String(limit * jobsForEachPlace),
          },
        },
      },
      // Nothing calls a runner.
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata,
        spec: { podSelector: {}, policyTypes: ['Ingress'] },
      },
      ...hookAccounts.flatMap((account) => forHooks(account, namespace, rbac)),
    ],
  };
}

/** A job is given its rights with its token: whoever may run one on such a pool has them. */
function forHooks(account: string, namespace: string, rbac: string): Plain[] {
  const metadata = { name: `${account}-container-hooks`, namespace, labels: managed };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account, namespace, labels: managed } },
    { apiVersion: `${rbac}/v1`, kind: 'Role', metadata, rules: hookRules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: rbac, kind: 'Role', name: metadata.name },
      subjects: [{ kind: 'ServiceAccount', name: account, namespace }],
    },
  ];
}

export function hookAccountsOf(
  machines: readonly { containers: string; serviceAccount?: string | undefined }[],
): string[] {
  const accounts = machines.flatMap(({ containers, serviceAccount }) =>
    containers === 'pods' && serviceAccount !== undefined ? [serviceAccount] : [],
  );
  return [...new Set(accounts)].sort();
}

/** As a person writes it: `group:NAME`, `user:NAME`, `serviceaccount:NAMESPACE/NAME`. */
export function readSubject(text: string): Subject | null {
  const match = /^(group|user|serviceaccount):(?:([a-z0-9-]+)\/)?([^/\s]{1,253})$/.exec(text);
  const [, kind, namespace, name] = match ?? [];
  if (name === undefined) return null;
  if (kind === 'serviceaccount')
    return namespace === undefined ? null : { kind: 'ServiceAccount', name, namespace };
  if (namespace !== undefined) return null;
  return { kind: kind === 'group' ? 'Group' : 'User', name };
}

/** What the pools of a host need of Pod Security. */
export function podSecurityFor(
  machines: readonly { containers: string; rights: string }[],
): ManifestsGiven['podSecurity'] {
  if (machines.some(({ containers }) => containers === 'docker')) return 'privileged';
  return machines.every(({ rights }) => rights === 'restricted') ? 'restricted' : 'baseline';
}
