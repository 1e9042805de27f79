// A cluster of Kubernetes itself for tests, as its administrator sees it: namespaces, Roles, and whatever a test wants
// to look at behind the system's back. It is built and started for them, unless a person gives one.

import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { startKubernetes } from '../../scripts/kubernetes.ts';
import { connectByKubeconfig } from '../../src/adapters/hosts/kubernetes/connect/kubeconfig.ts';
import { givenCluster, makeUsers, type Users } from './given.ts';

export interface Cluster {
  server: string;
  /** PEM of its certificate authority. */
  ca: string;
  /** The administrator's. */
  kubeconfig: string;
  kubeconfigOf(user: string): string;
  /** Who that is to the cluster. */
  userOf(user: string): string;
  /** Of the names of all that is made for a test and is in no namespace. */
  prefix: string;
  /** The API server dies, as in an upgrade; `null` where it is not ours to kill. */
  restartServer: ((downMs?: number) => Promise<void>) | null;
  /** Throws where it is not done, with the status. */
  call<Answer = KubernetesObject>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Until `stop`; begun anew wherever it breaks off. */
  watch(path: string, onEvent: (type: string, object: KubernetesObject) => void): { stop(): void };
  /** Makes one, and gives its name in full. */
  namespace(name: string, labels?: Readonly<Record<string, string>>): Promise<string>;
  /** Lets the user do this in the namespace, and nothing else. */
  allow(namespace: string, user: string, rules: readonly unknown[]): Promise<void>;
  /** Takes the namespaces away, while nodes still say that their pods are gone. One of our own goes as a whole. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface KubernetesObject {
  metadata: {
    name: string;
    namespace: string;
    uid: string;
    resourceVersion: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
  };
  spec: Record<string, unknown>;
  status: Record<string, unknown>;
  items: KubernetesObject[];
  data?: Record<string, string>;
}

class CallError extends Error {
  readonly status: number;
  constructor(status: number, text: string) {
    super(`${status}: ${text.slice(0, 500)}`);
    this.status = status;
  }
}

const again = 200;
/** Two minutes. */
const clearTriesMax = 600;

/** With an `authenticator` it is always built: nobody's cluster is made to ask another about its users. */
export async function startCluster({ authenticator }: { authenticator?: string } = {}): Promise<Cluster> {
  const given = authenticator === undefined ? givenCluster(process.env) : null;
  const own = given ? null : await startKubernetes({ authenticator });
  const { server, ca, kubeconfig } = given ?? (own as NonNullable<typeof own>);
  const prefix = `runners-test-${randomBytes(4).toString('hex')}`;
  const connection = connectByKubeconfig({ file: kubeconfig });
  const made: string[] = [];
  const watches = new Set<{ stop(): void }>();

  async function open(method: string, path: string, body?: unknown) {
    const { agent, headers } = await connection.access();
    const text = body === undefined ? '' : JSON.stringify(body);
    const asked = request(server + path, {
      method,
      agent,
      headers: {
        ...headers,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        // Node would send a body with DELETE, and not say so.
        'content-length': String(Buffer.byteLength(text)),
      },
    });
    asked.end(text);
    return asked;
  }

  async function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const asked = await open(method, path, body);
    return new Promise((resolve, reject) => {
      asked.once('error', reject);
      asked.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('end', () => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(JSON.parse(text) as Answer);
          else reject(new CallError(status, text));
        });
      });
    });
  }

  function watch(path: string, onEvent: (type: string, object: KubernetesObject) => void) {
    let isOver = false;
    let end = (): void => {};
    const begin = async (): Promise<void> => {
      const asked = await open('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true`);
      if (isOver) return void asked.destroy();
      let rest = '';
      const later = (): void => {
        if (!isOver) setTimeout(() => void begin(), again);
      };
      end = () => asked.destroy();
      asked.once('error', later);
      asked.once('response', (response) => {
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          const lines = (rest + chunk).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const { type, object } = JSON.parse(line) as { type: string; object: KubernetesObject };
            onEvent(type, object);
          }
        });
        response.once('error', () => {});
        response.once('close', later);
      });
    };
    void begin();
    const stream = {
      stop() {
        isOver = true;
        end();
        watches.delete(stream);
      },
    };
    watches.add(stream);
    return stream;
  }

  async function clear(): Promise<void> {
    if (!given) return;
    const names = made.splice(0);
    const paths = names.map((name) => `/api/v1/namespaces/${name}`);
    for (const path of paths) await call('DELETE', path).catch(() => {});
    const isThere = (path: string) => call('GET', path).then(Boolean, () => false);
    for (let asked = 0; asked < clearTriesMax; asked += 1) {
      if (!(await Promise.all(paths.map(isThere))).includes(true)) return;
      await new Promise((resolve) => setTimeout(resolve, again));
    }
    throw new Error(`still there: ${names.join(', ')}`);
  }

  const users: Pick<Users, 'userOf' | 'kubeconfigOf'> & Partial<Users> = given
    ? await makeUsers(given, `${prefix}-users`, call)
    : { userOf: (name) => name, kubeconfigOf: (name) => own?.kubeconfigOf(name) ?? '' };

  return {
    ...{ server, ca, kubeconfig, prefix, call, watch },
    kubeconfigOf: users.kubeconfigOf,
    userOf: users.userOf,
    restartServer: own?.restartServer ?? null,
    async namespace(ending, labels = {}) {
      const name = `${prefix}-${ending}`;
      made.push(name);
      await call('POST', '/api/v1/namespaces', { metadata: { name, labels } });
      // Pods are refused before its service account is there.
      for (;;) {
        const found = await call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`).catch(
          () => null,
        );
        if (found) return name;
        await new Promise((resolve) => setTimeout(resolve, again));
      }
    },
    async allow(namespace, user, rules) {
      const at = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      await call('POST', `${at}/roles`, { metadata: { name: user }, rules });
      await call('POST', `${at}/rolebindings`, {
        metadata: { name: user },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
        subjects: [{ kind: 'User', name: users.userOf(user), apiGroup: 'rbac.authorization.k8s.io' }],
      });
    },
    clear,
    async close() {
      for (const stream of watches) stream.stop();
      await clear();
      await users.close?.();
      connection.close();
      await own?.stop();
    },
  };
}
