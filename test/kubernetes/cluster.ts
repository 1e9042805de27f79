// A cluster of Kubernetes itself for tests, as its administrator sees it: namespaces, Roles, and whatever a test wants
// to look at behind the system's back.

import { Agent, request } from 'node:https';
import { type Kubernetes, startKubernetes } from '../../scripts/kubernetes.ts';

export interface Cluster {
  kubernetes: Kubernetes;
  /** Throws where it is not done, with the status. */
  call<Answer = KubernetesObject>(method: string, path: string, body?: unknown): Promise<Answer>;
  /** Until `stop`; begun anew wherever it breaks off. */
  watch(path: string, onEvent: (type: string, object: KubernetesObject) => void): { stop(): void };
  namespace(name: string, labels?: Readonly<Record<string, string>>): Promise<void>;
  /** Lets the user do this in the namespace, and nothing else. */
  allow(namespace: string, user: string, rules: readonly unknown[]): Promise<void>;
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

export async function startCluster(): Promise<Cluster> {
  const kubernetes = await startKubernetes();
  const { server, ca, adminToken } = kubernetes;
  const agent = new Agent({ ca, keepAlive: true, maxSockets: 64 });
  const watches = new Set<{ stop(): void }>();

  function open(method: string, path: string, body?: unknown) {
    const text = body === undefined ? '' : JSON.stringify(body);
    const asked = request(server + path, {
      method,
      agent,
      headers: {
        authorization: `Bearer ${adminToken}`,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
        // Node would send a body with DELETE, and not say so.
        'content-length': String(Buffer.byteLength(text)),
      },
    });
    asked.end(text);
    return asked;
  }

  function call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const asked = open(method, path, body);
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
    const begin = (): void => {
      if (isOver) return;
      const asked = open('GET', `${path}${path.includes('?') ? '&' : '?'}watch=true`);
      let rest = '';
      const later = (): void => {
        if (!isOver) setTimeout(begin, again);
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
    begin();
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

  return {
    kubernetes,
    call,
    watch,
    async namespace(name, labels = {}) {
      await call('POST', '/api/v1/namespaces', { metadata: { name, labels } });
      // Pods are refused before its service account is there.
      for (;;) {
        const found = await call('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`).catch(
          () => null,
        );
        if (found) return;
        await new Promise((resolve) => setTimeout(resolve, again));
      }
    },
    async allow(namespace, user, rules) {
      const at = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
      await call('POST', `${at}/roles`, { metadata: { name: user }, rules });
      await call('POST', `${at}/rolebindings`, {
        metadata: { name: user },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
        subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
      });
    },
    async close() {
      for (const stream of watches) stream.stop();
      agent.destroy();
      await kubernetes.stop();
    },
  };
}
