// Nodes for a cluster that has none: kwok's, which run nothing. The scheduler is Kubernetes' own, and kwok says of the
// pods on its nodes what a kubelet would: that they run, and that they are gone once they are to go. What a pod's
// containers would do is done in this process, by a program that is handed in, from when its pod runs and its Secret is
// there. How it ends is written on the pod, and kwok reports it.
//
// No container is run and no image pulled, so nothing here can be too big, and no image can be missing.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtKwok, startKwok } from '../../scripts/kwok.ts';
import type { Cluster, KubernetesObject } from './cluster.ts';

interface PodRun {
  pod: KubernetesObject;
  /** Of the pod's Job, and so of the runner. */
  name: string;
  /** Of the init container. */
  environment: Readonly<Record<string, string>>;
  secret: Readonly<Record<string, string>>;
  /** The pod is gone, or going. */
  signal: AbortSignal;
}

/** The exit status of the runner's container. */
export type PodProgram = (run: PodRun) => Promise<number>;

export interface Nodes {
  /** What a pool's machine has to say for its pods to come here, and no other pod does. */
  machine: { nodeSelector: Record<string, string>; tolerations: Record<string, string>[] };
  /** Programs that run now, and the most that ever did. */
  running(): number;
  mostRunning(): number;
  close(): Promise<void>;
}

interface Container {
  name: string;
  env?: { name: string; value?: string }[];
}

const askAgainMs = 30;
const askAgainMsMax = 1_000;
const writeTriesMax = 100;
const nodeLabel = 'runners.test/nodes';
const exitAnnotation = 'runners.test/exit-status';

export async function startNodes(
  cluster: Cluster,
  { count, program }: { count: number; program: PodProgram },
): Promise<Nodes> {
  const { call, prefix } = cluster;
  const folder = mkdtempSync(join(tmpdir(), 'kwok-'));
  const endStages = join(folder, 'ends.yaml');
  writeFileSync(endStages, ['0', 'other'].map(endStage).join('---\n'));
  const { stages } = await builtKwok();
  const stopKwok = await startKwok({
    kubeconfig: cluster.kubeconfig,
    nodeSelector: `${nodeLabel}=${prefix}`,
    stages: [...stages, endStages],
  });
  const names = Array.from({ length: count }, (_, at) => `${prefix}-node-${at}`);
  for (const name of names) await addNode(name);

  async function addNode(name: string): Promise<void> {
    const labels = {
      'kubernetes.io/os': 'linux',
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/hostname': name,
      [nodeLabel]: prefix,
    };
    const taints = [{ key: nodeLabel, value: prefix, effect: 'NoSchedule' }];
    await call('POST', '/api/v1/nodes', { metadata: { name, labels }, spec: { taints } });
    for (;;) {
      const { status, spec } = await call('GET', `/api/v1/nodes/${name}`);
      const conditions = (status['conditions'] ?? []) as { type: string; status: string }[];
      const isReady = conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
      // It is closed until its controller has seen that it is ready.
      if (isReady && ((spec['taints'] ?? []) as unknown[]).length === 1) return;
      await sleep(askAgainMs);
    }
  }

  // ---- What its containers would do

  const started = new Map<string, { stop: AbortController; done: Promise<void> }>();
  let running = 0;
  let mostRunning = 0;
  let isOver = false;

  async function run(pod: KubernetesObject, signal: AbortSignal): Promise<void> {
    const [claim] = (pod.spec['initContainers'] ?? []) as Container[];
    const environment = Object.fromEntries((claim?.env ?? []).map(({ name, value = '' }) => [name, value]));
    const name = pod.metadata.labels?.['batch.kubernetes.io/job-name'] ?? '';
    const secret = await secretOf(pod, signal);
    if (signal.aborted) return;
    running += 1;
    mostRunning = Math.max(mostRunning, running);
    const exitStatus = await program({ pod, name, environment, secret, signal }).catch(() => 1);
    running -= 1;
    if (!signal.aborted) await tellEnd(pod, exitStatus, signal);
  }

  /** A kubelet starts nothing before all volumes are there. */
  async function secretOf(pod: KubernetesObject, signal: AbortSignal): Promise<Record<string, string>> {
    const volumes = (pod.spec['volumes'] ?? []) as { secret?: { secretName: string } }[];
    const secretName = volumes.find(({ secret }) => secret)?.secret?.secretName;
    if (secretName === undefined) return {};
    const path = `/api/v1/namespaces/${pod.metadata.namespace}/secrets/${secretName}`;
    for (let pauseMs = askAgainMs; !signal.aborted; pauseMs = Math.min(2 * pauseMs, askAgainMsMax)) {
      const found = await call('GET', path).catch(() => null);
      if (found?.data)
        return Object.fromEntries(
          Object.entries(found.data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
        );
      await sleep(pauseMs);
    }
    return {};
  }

  async function tellEnd({ metadata }: KubernetesObject, exitStatus: number, signal: AbortSignal) {
    const annotations = { [exitAnnotation]: exitStatus === 0 ? '0' : 'other' };
    const path = `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
    for (let tries = 0; tries < writeTriesMax && !signal.aborted; tries += 1) {
      try {
        await call('PATCH', path, { metadata: { uid: metadata.uid, annotations } });
        return;
      } catch (error) {
        if ((error as { status?: number }).status === 404) return;
        await sleep(Math.min(askAgainMs * 2 ** tries, askAgainMsMax));
      }
    }
  }

  const watch = cluster.watch('/api/v1/pods', (type, pod) => {
    const { uid, deletionTimestamp } = pod.metadata;
    if (type === 'DELETED' || deletionTimestamp !== undefined) {
      started.get(uid)?.stop.abort();
      if (type === 'DELETED') started.delete(uid);
      return;
    }
    if (isOver || pod.status['phase'] !== 'Running' || started.has(uid)) return;
    if (!names.includes(String(pod.spec['nodeName']))) return;
    const stop = new AbortController();
    started.set(uid, { stop, done: run(pod, stop.signal) });
  });

  return {
    machine: {
      nodeSelector: { [nodeLabel]: prefix },
      tolerations: [{ key: nodeLabel, operator: 'Exists' }],
    },
    running: () => running,
    mostRunning: () => mostRunning,
    async close() {
      isOver = true;
      watch.stop();
      for (const { stop } of started.values()) stop.abort();
      await Promise.allSettled([...started.values()].map(({ done }) => done));
      for (const name of names) await call('DELETE', `/api/v1/nodes/${name}`).catch(() => {});
      await stopKwok();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A stage of kwok's: a pod on which its exit status is written has ended so. */
function endStage(exit: string): string {
  const [exitCode, phase, reason] = exit === '0' ? [0, 'Succeeded', 'Completed'] : [1, 'Failed', 'Error'];
  const statusTemplate = [
    '{{ $now := Now }}',
    '{{ $start := or .status.startTime $now }}',
    `phase: ${phase}`,
    'conditions:',
    '- lastTransitionTime: {{ $now | Quote }}',
    '  status: "False"',
    '  type: Ready',
    'containerStatuses:',
    '{{ range .spec.containers }}',
    '- image: {{ .image | Quote }}',
    '  name: {{ .name | Quote }}',
    '  ready: false',
    '  restartCount: 0',
    '  state:',
    '    terminated:',
    `      exitCode: ${exitCode}`,
    `      reason: ${reason}`,
    '      startedAt: {{ $start | Quote }}',
    '      finishedAt: {{ $now | Quote }}',
    '{{ end }}',
  ].join('\n');
  // JSON is YAML too.
  return `${JSON.stringify({
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name: `pod-end-${exit}` },
    spec: {
      resourceRef: { apiGroup: 'v1', kind: 'Pod' },
      selector: {
        matchExpressions: [
          { key: '.metadata.deletionTimestamp', operator: 'DoesNotExist' },
          { key: '.status.phase', operator: 'In', values: ['Running'] },
          { key: `.metadata.annotations["${exitAnnotation}"]`, operator: 'In', values: [exit] },
        ],
      },
      next: { statusTemplate },
    },
  })}\n`;
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
