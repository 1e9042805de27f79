// A cluster that a person gives for the tests, instead of one that is built and started for them.
//
// It may be in use. So KUBECONFIG, which many shells have set, does not suffice: whoever means it names its context too,
// in KUBERNETES_TEST_CONTEXT. All that is made there has names of its own and is deleted at the end: namespaces, nodes
// that run nothing and are closed to other pods, and service accounts as users. It takes an administrator.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { kubeconfigText } from '../../scripts/kubernetes.ts';

interface GivenCluster {
  server: string;
  /** PEM of its certificate authority. */
  ca: string;
  /** The administrator's. */
  kubeconfig: string;
}

interface Variables {
  KUBECONFIG?: string | undefined;
  KUBERNETES_TEST_CONTEXT?: string | undefined;
}

/** `null` where none is given; throws where it is given by halves. */
export function givenCluster({ KUBECONFIG, KUBERNETES_TEST_CONTEXT }: Variables): GivenCluster | null {
  if (!KUBERNETES_TEST_CONTEXT) return null;
  if (!KUBECONFIG) throw new Error(notMeant(KUBERNETES_TEST_CONTEXT, 'KUBECONFIG is not set'));
  const config = new KubeConfig();
  config.loadFromFile(KUBECONFIG);
  const current = config.getCurrentContext();
  if (current !== KUBERNETES_TEST_CONTEXT)
    throw new Error(notMeant(KUBERNETES_TEST_CONTEXT, `the current context of ${KUBECONFIG} is ${current}`));
  const cluster = config.getCurrentCluster();
  if (!cluster) throw new Error(`context ${current} of ${KUBECONFIG} names no cluster`);
  const { caData, caFile } = cluster;
  const ca = caData ? Buffer.from(caData, 'base64').toString() : readFileSync(caFile ?? '', 'utf8');
  return { server: cluster.server.replace(/\/$/, ''), ca, kubeconfig: KUBECONFIG };
}

function notMeant(context: string, why: string): string {
  return (
    `KUBERNETES_TEST_CONTEXT is ${context}, and ${why}. Remedy: to run the tests on a cluster of yours, name its ` +
    'kubeconfig in KUBECONFIG and, exactly, its current context; to run them on one that is built for them, neither.'
  );
}

const userNames = ['runners', 'limited', 'nobody'] as const;
/** Longer than any run of the tests. */
const tokenSeconds = 7_200;

export interface Users {
  /** Who that is to the cluster. */
  userOf(name: string): string;
  /** A file with that user's way in. */
  kubeconfigOf(name: string): string;
  close(): Promise<void>;
}

/** Service accounts of a namespace of their own. */
export async function makeUsers(
  { server, ca, kubeconfig }: GivenCluster,
  namespace: string,
  call: <Answer>(method: string, path: string, body?: unknown) => Promise<Answer>,
): Promise<Users> {
  const folder = mkdtempSync(join(tmpdir(), 'users-'));
  await call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  for (const name of userNames) {
    const at = `/api/v1/namespaces/${namespace}/serviceaccounts`;
    await call('POST', at, { metadata: { name } });
    const { status } = await call<{ status: { token: string } }>('POST', `${at}/${name}/token`, {
      spec: { expirationSeconds: tokenSeconds },
    });
    const text = kubeconfigText({ server, ca, token: status.token, name });
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  }
  return {
    userOf: (name) => `system:serviceaccount:${namespace}:${name}`,
    kubeconfigOf: (name) => (name === 'admin' ? kubeconfig : join(folder, name)),
    async close() {
      await call('DELETE', `/api/v1/namespaces/${namespace}`);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
