// The host on Kubernetes itself: the port's contract, and what a stand-in would only repeat of our own beliefs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { whyNoKubernetes } from '../../scripts/kubernetes.ts';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createSeededRandom } from '../../src/adapters/clock/virtual/random.ts';
import { connectByKubeconfig } from '../../src/adapters/hosts/kubernetes/connect/kubeconfig.ts';
import { createKubernetesHost, type KubernetesHost } from '../../src/adapters/hosts/kubernetes/index.ts';
import { roleRules } from '../../src/adapters/hosts/kubernetes/manifests.ts';
import { kubernetesHostOptions } from '../../src/adapters/hosts/kubernetes/options.ts';
import { rightsNeeded } from '../../src/adapters/hosts/kubernetes/rights.ts';
import { fixtureOn, launchRequest } from '../../src/adapters/hosts/kubernetes/testing.ts';
import { type DeploymentPrefix, type HostName, type PoolName, runnerName } from '../../src/core/ids.ts';
import { hostContract } from '../../src/ports/host.contract.ts';
import type { HostEvent, LaunchRequest } from '../../src/ports/host.ts';
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

describe('on Kubernetes itself', { concurrency: 1, skip: whyNoKubernetes }, () => {
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
        connection: () => connectByKubeconfig({ file: cluster.kubeconfigOf('runners') }),
        options: { namespace },
        machine: nodes.machine,
        alive: async () => (await jobs(namespace)).filter(isAlive).map(({ metadata }) => metadata.name),
        async endByItself(name) {
          (await until(`${name} runs`, () => ends.get(`${namespace}/${name}`) ?? false))();
        },
        close: async () => {},
      },
      names,
      { clock, random, pass: () => clock.sleep(20) },
    );
  });

  describe('with a right that is missing', () => {
    for (const missing of rightsNeeded({ watch: true })) {
      const { verb, resource } = missing;
      test(`says at the start that it may not ${verb} ${resource}`, async () => {
        const namespace = await newNamespace();
        const rules = roleRules({ watch: true }).map((rule) => ({
          ...rule,
          verbs: rule.resources.includes(resource) ? rule.verbs.filter((one) => one !== verb) : rule.verbs,
        }));
        await cluster.allow(
          namespace,
          'limited',
          rules.filter(({ verbs }) => verbs.length > 0),
        );
        const { opened } = open(namespace, { user: 'limited' });
        try {
          const expected = `the cluster does not allow this system to ${verb} ${resource} in namespace ${namespace}.`;
          // A new Role is known to the server some ms later.
          await until(`it says ${expected}`, async () => {
            const said = await opened.demandRights().then(String, String);
            return said.includes(expected);
          });
        } finally {
          opened.close();
        }
      });
    }

    test('refuses to launch, and names verb and resource', async () => {
      const namespace = await newNamespace();
      const { opened, request } = open(namespace, { user: 'nobody' });
      try {
        const answer = await opened.launch(request());
        assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
        assert.match(answer.reason, /cannot create resource "jobs" in API group "batch".*Remedy/);
      } finally {
        opened.close();
      }
    });
  });

  describe('in a namespace with a quota', () => {
    test('a Job that has no room is refused: later, with the reason, and nothing is left', async () => {
      const namespace = await newNamespace();
      await quota(namespace, { 'count/jobs.batch': '1' });
      const { opened, request } = open(namespace);
      try {
        const first = request();
        assert.equal((await opened.launch(first)).outcome, 'launched');
        const answer = await opened.launch(request());
        assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity', JSON.stringify(answer));
        assert.match(answer.reason, /exceeded quota/);
        assert.ok(answer.retryAfterMs !== null);
        assert.deepEqual(
          (await jobs(namespace)).map(({ metadata }) => metadata.name),
          [first.name],
        );
      } finally {
        opened.close();
      }
    });

    test('a pod that has no room is a boot that failed, with the reason', async () => {
      const namespace = await newNamespace();
      await quota(namespace, { pods: '0' });
      const { opened, request, events } = open(namespace);
      try {
        const wanted = request();
        assert.equal((await opened.launch(wanted)).outcome, 'launched');
        await until('it is told', () => events.length > 0);
        const [event] = events;
        assert.equal(event?.happened, 'failed');
        assert.equal(event?.name, wanted.name);
        assert.match(event?.cause ?? '', /the namespace's quota has no room for its pod: .*exceeded quota/);
      } finally {
        opened.close();
      }
    });

    test('where nobody watches, as on AWS, the list tells of it', async () => {
      const namespace = await newNamespace();
      await cluster.allow(namespace, 'runners', roleRules({ watch: false }));
      await quota(namespace, { pods: '0' });
      const { opened, request, events } = open(namespace, { user: 'runners', watch: false });
      try {
        await until('it may launch', async () => (await opened.launch(request())).outcome === 'launched');
        const told = await until('it is told', async () => {
          const machines = await opened.list();
          return (machines !== 'unknown' && machines.find(({ trouble }) => trouble)?.trouble) || false;
        });
        assert.equal(told.happened, 'failed');
        assert.match(told.cause, /the namespace's quota has no room for its pod: .*exceeded quota/);
        assert.deepEqual(events, []);
      } finally {
        opened.close();
      }
    });

    test('a Secret that has no room takes its Job back, before that is said', async () => {
      const namespace = await newNamespace();
      await quota(namespace, { 'count/secrets': '0' });
      const { opened, request } = open(namespace);
      try {
        const answer = await opened.launch(request());
        assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity', JSON.stringify(answer));
        assert.deepEqual(await jobs(namespace), []);
      } finally {
        opened.close();
      }
    });
  });

  describe('Pod Security', () => {
    test('admits a plain pod to a namespace that is restricted, and the pod runs', async () => {
      const namespace = await newNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
      const { opened, request, events } = open(namespace);
      try {
        const wanted = request();
        assert.equal((await opened.launch(wanted)).outcome, 'launched');
        await until('it runs', () => ends.get(`${namespace}/${wanted.name}`) ?? false);
        assert.deepEqual(events, []);
      } finally {
        opened.close();
      }
    });

    test('refuses one with a Docker daemon there: a boot that failed, with the reason', async () => {
      const namespace = await newNamespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
      const { opened, request, events } = open(namespace);
      try {
        assert.equal((await opened.launch(request({ containers: 'docker' }))).outcome, 'launched');
        await until('it is told', () => events.some(({ happened }) => happened === 'failed'));
        assert.match(events[0]?.cause ?? '', /Pod Security refuses its pod: .*privileged/);
      } finally {
        opened.close();
      }
    });

    for (const machine of [
      { containers: 'docker' },
      { containers: 'pods', serviceAccount: 'default' },
      {
        rights: 'sudo',
        limits: { cpu: '2' },
        environment: { A: 'b' },
        tolerations: [{ operator: 'Exists' }],
      },
      { patch: { spec: { containers: [{ name: 'runner', tty: true }], priorityClassName: null } } },
    ]) {
      test(`elsewhere the API server takes ${JSON.stringify(machine)}`, async () => {
        const namespace = await newNamespace();
        const { opened, request } = open(namespace);
        try {
          const wanted = request(machine);
          const answer = await opened.launch(wanted);
          assert.equal(answer.outcome, 'launched', JSON.stringify(answer));
          await until('it runs', () => ends.get(`${namespace}/${wanted.name}`) ?? false);
        } finally {
          opened.close();
        }
      });
    }
  });

  test('the Secret has what only the claim needs, belongs to the Job, and goes with it', async () => {
    const namespace = await newNamespace();
    const { opened, request } = open(namespace);
    try {
      const wanted = request();
      await opened.launch(wanted);
      const path = `/api/v1/namespaces/${namespace}/secrets/${wanted.name}`;
      const secret = await cluster.call('GET', path);
      assert.deepEqual(Object.keys(secret.data ?? {}), ['token']);
      const [job] = await jobs(namespace);
      const text = JSON.stringify(job);
      assert.ok(wanted.configuration.kind === 'claimed' && !text.includes(wanted.configuration.token));
      await until('it is gone', async () => {
        await opened.terminate({ name: wanted.name, machine: null });
        return (await jobs(namespace)).length === 0;
      });
      await until('so is its Secret', () =>
        cluster.call('GET', path).then(
          () => false,
          () => true,
        ),
      );
    } finally {
      opened.close();
    }
  });
});

let named = 0;

/** A host of its own for one test. */
function open(
  namespace: string,
  { user = 'admin', watch = true }: { user?: string; watch?: boolean } = {},
): {
  opened: KubernetesHost;
  request: (machine?: Readonly<Record<string, unknown>>) => LaunchRequest;
  events: HostEvent[];
} {
  const events: HostEvent[] = [];
  const opened = createKubernetesHost({
    deployment,
    host,
    options: kubernetesHostOptions.parse({ namespace, watch }),
    osOf: () => 'linux',
    connection: connectByKubeconfig({ file: cluster.kubeconfigOf(user) }),
    clock,
    random,
    onEvent: async (event) => void events.push(event),
    onWarning: () => {},
  });
  const request = (machine: Readonly<Record<string, unknown>> = {}): LaunchRequest => {
    named += 1;
    const name = runnerName(deployment, host, pool, `1${String(named).padStart(25, '0')}`);
    return launchRequest({
      name,
      attempt: 1,
      deployment,
      pool,
      now: clock.now(),
      machine: { ...nodes.machine, ...machine },
    });
  };
  return { opened, request, events };
}

async function quota(namespace: string, hard: Readonly<Record<string, string>>): Promise<void> {
  const at = `/api/v1/namespaces/${namespace}/resourcequotas`;
  await cluster.call('POST', at, { metadata: { name: 'few' }, spec: { hard } });
  // Nothing is counted before its controller has counted once.
  await until('the quota is counted', async () => {
    const { status } = await cluster.call('GET', `${at}/few`);
    return status['used'] !== undefined;
  });
}

async function newNamespace(labels: Readonly<Record<string, string>> = {}): Promise<string> {
  namespaces += 1;
  return cluster.namespace(`host-${namespaces}`, labels);
}

async function jobs(namespace: string): Promise<KubernetesObject[]> {
  return (await cluster.call('GET', `/apis/batch/v1/namespaces/${namespace}/jobs`)).items;
}

function isAlive({ status }: KubernetesObject): boolean {
  const conditions = (status['conditions'] ?? []) as { type: string; status: string }[];
  return !conditions.some(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True');
}
