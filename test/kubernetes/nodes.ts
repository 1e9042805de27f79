// Nodes for a cluster that has none: a stand-in of the kubelet. What the scheduler puts on them "runs" in this process,
// by a program that is handed in; volumes are waited for, states are reported and endings obeyed as a kubelet does. No
// container is run and no image pulled.

import type { Cluster, KubernetesObject } from './cluster.ts';

interface PodRun {
  pod: KubernetesObject;
  /** Of the pod's Job, and so of the runner. */
  name: string;
  /** Of the init container. */
  environment: Readonly<Record<string, string>>;
  secret: Readonly<Record<string, string>>;
  /** The pod was told to end. */
  signal: AbortSignal;
}

/** The exit status of the runner's container. */
export type PodProgram = (run: PodRun) => Promise<number>;

export interface Nodes {
  /** Pods that run now. */
  running(): number;
  mostRunning(): number;
  close(): Promise<void>;
}

interface Container {
  name: string;
  image: string;
  env?: { name: string; value?: string }[];
}

const askAgainMs = 30;
/** As the kubelet: it tries again for as long as the pod is wanted. */
const writeTriesMax = 200;
const podsOfNode = 200;

export async function startNodes(
  cluster: Cluster,
  { count, program }: { count: number; program: PodProgram },
): Promise<Nodes> {
  const { call } = cluster;
  const started = new Map<string, { stop: AbortController; done: Promise<void> }>();
  let running = 0;
  let mostRunning = 0;
  let isOver = false;

  for (let i = 0; i < count; i += 1) {
    const name = `node-${i}`;
    const labels = {
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/hostname': name,
    };
    await call('POST', '/api/v1/nodes', { metadata: { name, labels } });
    const room = { cpu: '1000', memory: '4000Gi', pods: String(podsOfNode) };
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'a stand-in' }];
    await call('PATCH', `/api/v1/nodes/${name}/status`, {
      status: { capacity: room, allocatable: room, conditions },
    });
    // A new node is closed until it is called ready by the controller that does not run here.
    await call('PATCH', `/api/v1/nodes/${name}`, { spec: { taints: null } });
  }

  async function persist<Answer>(what: () => Promise<Answer>): Promise<Answer | null> {
    for (let tries = 0; tries < writeTriesMax && !isOver; tries += 1) {
      try {
        return await what();
      } catch (error) {
        if ((error as { status?: number }).status === 404) return null;
        await sleep(askAgainMs);
      }
    }
    return null;
  }

  const pathOf = ({ metadata: { namespace, name } }: KubernetesObject): string =>
    `/api/v1/namespaces/${namespace}/pods/${name}`;

  function report(pod: KubernetesObject, status: Record<string, unknown>): Promise<unknown> {
    return persist(() => call('PATCH', `${pathOf(pod)}/status`, { status }));
  }

  async function secretOf(pod: KubernetesObject, signal: AbortSignal): Promise<Record<string, string>> {
    const volumes = (pod.spec['volumes'] ?? []) as { secret?: { secretName: string } }[];
    const secretName = volumes.find(({ secret }) => secret)?.secret?.secretName;
    if (secretName === undefined) return {};
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/secrets/${secretName}`;
    while (!signal.aborted && !isOver) {
      const found = await call('GET', path).catch(() => null);
      if (found?.data)
        return Object.fromEntries(
          Object.entries(found.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
        );
      await sleep(askAgainMs);
    }
    return {};
  }

  async function run(pod: KubernetesObject, signal: AbortSignal): Promise<void> {
    const containers = pod.spec['containers'] as Container[];
    const [claim] = (pod.spec['initContainers'] ?? []) as Container[];
    const secret = await secretOf(pod, signal);
    if (signal.aborted) return;
    const startedAt = new Date().toISOString();
    const statusOf = (state: unknown) =>
      containers.map(({ name, image }) => ({
        name,
        image,
        imageID: '',
        ready: true,
        restartCount: 0,
        state,
      }));
    await report(pod, {
      phase: 'Running',
      startTime: startedAt,
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: statusOf({ running: { startedAt } }),
    });
    running += 1;
    mostRunning = Math.max(mostRunning, running);
    const environment = Object.fromEntries((claim?.env ?? []).map(({ name, value = '' }) => [name, value]));
    const name = pod.metadata.labels?.['batch.kubernetes.io/job-name'] ?? '';
    // It may have been told to end while it started.
    const exitCode = signal.aborted
      ? 143
      : await program({ pod, name, environment, secret, signal }).catch(() => 1);
    running -= 1;
    const finishedAt = new Date().toISOString();
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    await report(pod, {
      phase: exitCode === 0 && !signal.aborted ? 'Succeeded' : 'Failed',
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: statusOf({
        terminated: { exitCode: signal.aborted ? 143 : exitCode, reason, startedAt, finishedAt },
      }),
    });
  }

  /** Told to end: the program first, then the pod's entry. */
  async function end(pod: KubernetesObject): Promise<void> {
    const known = started.get(pod.metadata.uid);
    known?.stop.abort();
    await known?.done;
    if (!known) await report(pod, { phase: 'Failed' });
    await persist(() =>
      call('DELETE', pathOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } }),
    );
  }

  const ending = new Set<string>();
  const watch = cluster.watch('/api/v1/pods', (type, pod) => {
    const { uid } = pod.metadata;
    if (type === 'DELETED') {
      started.get(uid)?.stop.abort();
      started.delete(uid);
      ending.delete(uid);
      return;
    }
    if (pod.spec['nodeName'] === undefined || isOver) return;
    if (pod.metadata.deletionTimestamp !== undefined) {
      if (!ending.has(uid)) void end(pod);
      ending.add(uid);
      return;
    }
    const phase = pod.status['phase'];
    if (started.has(uid) || phase === 'Succeeded' || phase === 'Failed') return;
    const stop = new AbortController();
    started.set(uid, { stop, done: run(pod, stop.signal) });
  });

  return {
    running: () => running,
    mostRunning: () => mostRunning,
    async close() {
      isOver = true;
      watch.stop();
      for (const { stop } of started.values()) stop.abort();
      await Promise.allSettled([...started.values()].map(({ done }) => done));
    },
  };
}

/** Lives until it is told to end, or `ends` says so, by namespace and name. */
export function programThatWaits(ends: Map<string, () => void>): PodProgram {
  return ({ pod, name, signal }) =>
    new Promise((resolve) => {
      ends.set(`${pod.metadata.namespace}/${name}`, () => resolve(0));
      signal.addEventListener('abort', () => resolve(143), { once: true });
    });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
