// The host on Kubernetes itself: the port's contract, and what a stand-in would only repeat of our own beliefs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createSeededRandom } from '../../src/adapters/clock/virtual/random.ts';
import { connectByKubeconfig } from '../../src/adapters/hosts/kubernetes/connect/kubeconfig.ts';
import { createKubernetesHost, type KubernetesHost } from '../../src/adapters/hosts/kubernetes/index.ts';
import { roleRules } from '../../src/adapters/hosts/kubernetes/manifests.ts';
import { kubernetesHostOptions } from '../../src/adapters/hosts/kubernetes/options.ts';
import { fixtureOn, launchRequest } from '../../src/adapters/hosts/kubernetes/testing.ts';
import type { DeploymentPrefix, HostName, PoolName } from '../../src/core/ids.ts';
import { runnerName } from '../../src/core/ids.ts';
import { hostContract } from '../../src/ports/host.contract.ts';
import type { HostEvent } from '../../src/ports/host.ts';
import { until } from '../end-to-end/harness.ts';
import { type Cluster, type KubernetesObject, startCluster } from './cluster.ts';
import { type Nodes, programThatWaits, startNodes } from './nodes.ts';

const deployment = 'own1' as DeploymentPrefix;
const host = 'here' as HostName;
const pool = 'small' as PoolName;
const clock = createSystemClock();
const random = createSeededRandom(1);

let cluster: Cluster;
let nodes: Nodes;
let namespaces = 0;
const ends = new Map<string, () => void>();

describe('on Kubernetes itself', { concurrency: 1 }, () => {
  before(async () => {
    cluster = await startCluster();
    nodes = await startNodes(cluster, { count: 2, program: programThatWaits(ends) });
  });
  after(async () => {
    await nodes?.close();
    await cluster?.close();
  });

  hostContract('kubernetes (the real one)', async (names) => {
    const namespace = await newNamespace();
    await cluster.allow(namespace, 'runners', roleRules({ watch: true }));
    return fixtureOn(
      {
        connection: () => connectByKubeconfig({ file: cluster.kubernetes.kubeconfigOf('runners') }),
        options: { namespace },
        alive: async () => (await jobs(namespace)).filter(isAlive).map(({ metadata }) => metadata.name),
        async endByItself(name) {
          (await until(`${name} runs`, () => ends.get(name) ?? false))();
        },
        close: async () => {},
      },
      names,
      { clock, random, pass: () => clock.sleep(20) },
    );
  });
});

async function newNamespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  namespaces += 1;
  const name = `test-${namespaces}`;
  await cluster.namespace(name, labels);
  return name;
}

async function jobs(namespace: string): Promise<KubernetesObject[]> {
  return (await cluster.call('GET', `/apis/batch/v1/namespaces/${namespace}/jobs`)).items;
}

function isAlive({ status }: KubernetesObject): boolean {
  const conditions = (status['conditions'] ?? []) as { type: string; status: string }[];
  return !conditions.some(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True');
}
