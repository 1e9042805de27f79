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
  const stageFile = join(folder, 'ends.yaml');
  writeFileSync(stageFile, endStages());
  const { stages } = await builtKwok();
  const stopKwok = await startKwok({
    kubeconfig: cluster.kubeconfig,
    nodeSelector: `${nodeLabel}=${prefix}`,
    stages: [...stages, stageFile],
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
      await cluster.clear();
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

/**
 * How pods end, as kwok is told. One that is to go has to have ended before it is gone, as with a kubelet: a Job waits for
 * that. [Kubernetes: Jobs, pod replacement policy]
 */
function endStages(): string {
  const isToGo = { key: '.metadata.deletionTimestamp', operator: 'Exists' };
  const isWanted = { ...isToGo, operator: 'DoesNotExist' };
  const phaseIs = (...values: string[]) => ({ key: '.status.phase', operator: 'In', values });
  const exitIs = (exit: string) => ({
    ...{ key: `.metadata.annotations["${exitAnnotation}"]`, operator: 'In', values: [exit] },
  });
  const stages = [
    stageOf('pod-done', [isWanted, phaseIs('Running'), exitIs('0')], { statusTemplate: endOf(0) }),
    stageOf('pod-failed', [isWanted, phaseIs('Running'), exitIs('other')], { statusTemplate: endOf(1) }),
    stageOf('pod-killed', [isToGo, phaseIs('Pending', 'Running')], { statusTemplate: endOf(143) }),
    stageOf('pod-gone', [isToGo, phaseIs('Succeeded', 'Failed')], { delete: true }),
  ];
  // JSON is YAML too.
  return stages.map((stage) => JSON.stringify(stage)).join('\n---\n');
}

function stageOf(name: string, matchExpressions: readonly object[], next: object): object {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind: 'Pod' }, selector: { matchExpressions }, next },
  };
}

function endOf(exitCode: number): string {
  return [
    '{{ $now := Now }}',
    '{{ $start := or .status.startTime $now }}',
    `phase: ${exitCode === 0 ? 'Succeeded' : 'Failed'}`,
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
    `      reason: ${exitCode === 0 ? 'Completed' : 'Error'}`,
    '      startedAt: {{ $start | Quote }}',
    '      finishedAt: {{ $now | Quote }}',
    '{{ end }}',
  ].join('\n');
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
