// A cluster for the deployed system: Kubernetes itself, with the controllers and the scheduler of its own, whose nodes are
// kwok's and run nothing. What a pod's containers would do is done here: it claims with the token of its Secret and a key
// of its own, and works on one job. The functions reach it as they reach EKS (eks.ts).
//
// What a person applies to a cluster, where the deploy is not to set it up, is applied by its administrator.

import { randomBytes } from 'node:crypto';
import { request } from 'node:https';
import { createCaller } from '../../../src/adapters/hosts/kubernetes/call.ts';
import { connectByKubeconfig } from '../../../src/adapters/hosts/kubernetes/connect/kubeconfig.ts';
import { groupOf } from '../../../src/adapters/hosts/kubernetes/made.ts';
import { manifestsOf } from '../../../src/adapters/hosts/kubernetes/manifests.ts';
import { applyObjects, objectList } from '../../../src/adapters/hosts/kubernetes/set-up/apply.ts';
import { awsSchema } from '../../../src/config/aws.ts';
import type { PoolName, RunnerName } from '../../../src/core/ids.ts';
import {
  createMachineProgram,
  type ProgramMachine,
} from '../../../src/deployments/aws/emulated/world/program.ts';
import type { Clock, Random } from '../../../src/ports/clock.ts';
import { type Cluster, type KubernetesObject, startCluster } from '../../kubernetes/cluster.ts';
import { type Nodes, startNodes } from '../../kubernetes/nodes.ts';
import type { Eks } from './eks.ts';
import { type Ground, hostOfType, type Place } from './ground.ts';

export interface KubernetesGround extends Ground {
  /** For the host's options, and for the pool's machine. */
  clusterName: string;
  namespace: string;
  machine: Nodes['machine'];
  /** Once the emulator is there. */
  open(place: Place): Promise<void>;
  /** Requests that the API server has answered, by verb and resource; of Jobs and Secrets. */
  requests(): Promise<Record<string, number>>;
  /** Deletes Jobs that have ended, as the cluster does when their time is over; what is theirs goes with them. */
  expire(): Promise<void>;
}

interface Given {
  clock: Clock;
  random: Random;
  eks: Eks;
  onError(error: unknown): void;
}

const nodes = 2;
const keyBytes = 32;
const clusterName = 'builds';

export async function startKubernetesGround({
  clock,
  random,
  eks,
  onError,
}: Given): Promise<KubernetesGround> {
  let program: ReturnType<typeof createMachineProgram> | null = null;
  let stopWatch = (): void => {};
  /** Jobs that are not over, and those that are: by the server's own history. */
  const alive = new Set<string>();
  const over = new Set<string>();
  const cluster = await startCluster({ authenticator: eks.authenticator });
  const namespace = `${cluster.prefix}-pods`;
  const at = {
    jobs: `/apis/batch/v1/namespaces/${namespace}/jobs`,
    pods: `/api/v1/namespaces/${namespace}/pods`,
    secrets: `/api/v1/namespaces/${namespace}/secrets`,
  };
  const kwok = await startNodes(cluster, {
    count: nodes,
    program: ({ name, environment, secret, signal }) =>
      new Promise((resolve) => {
        const machine: ProgramMachine = {
          name: name as RunnerName,
          configuration: {
            kind: 'claimed',
            url: environment['CLAIM_URL'] ?? '',
            token: secret['token'] ?? '',
          },
          end: () => resolve(0),
          standBy: () => onError(new Error(`${name} was told to stand by: its pool has no spares`)),
        };
        const running = program?.(machine);
        signal.addEventListener('abort', () => {
          running?.vanish();
          resolve(143);
        });
      }),
  }).catch(async (error: unknown) => {
    await cluster.close();
    throw error;
  });

  async function setUp({ world }: Place): Promise<void> {
    const [host] = hostOfType({ world }, 'kubernetes');
    const name = groupOf(awsSchema.parse({}).stackName, host.name);
    const connection = connectByKubeconfig({ file: cluster.kubeconfig });
    const objects = manifestsOf({
      name,
      options: { namespace, watch: false },
      subject: { kind: 'Group', name },
      limit: host.limit,
      podSecurity: 'restricted',
      hookAccounts: [],
    });
    await applyObjects(createCaller({ connection, clock }), objectList.parse(objects), {
      madeBy: 'a person',
    });
    connection.close();
    await accountIsThere();
  }

  /** Pods are refused before it is. */
  async function accountIsThere(): Promise<void> {
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
    while (!(await cluster.call('GET', path).catch(() => null))) await clock.sleep(100);
  }

  function watchJobs({ world }: Place): void {
    const [host, { name: pool }] = hostOfType({ world }, 'kubernetes');
    const limits = world.limits.observer(host, () => ({
      alive: alive.size,
      byPool: new Map<PoolName, number>([[pool, alive.size]]),
    }));
    const stream = cluster.watch(at.jobs, (type, job) => {
      const { uid } = job.metadata;
      if (type === 'DELETED' || isEnded(job)) {
        alive.delete(uid);
        over.add(uid);
      } else if (!over.has(uid) && !alive.has(uid)) {
        alive.add(uid);
        limits.born({ pool });
      }
    });
    stopWatch = stream.stop;
  }

  return {
    clusterName,
    namespace,
    machine: kwok.machine,
    async open(place) {
      program = createMachineProgram({
        clock,
        random,
        gitHub: place.world.gitHub.world,
        milestones: ['registered'],
        proofOf: async ({ configuration }) => ({
          token: configuration.kind === 'claimed' ? configuration.token : '',
          key: randomBytes(keyBytes).toString('base64url'),
        }),
      });
      await setUp(place);
      watchJobs(place);
      await eks.open(place, { name: clusterName, server: cluster.server, ca: cluster.ca });
    },
    requests: () => requestsOf(cluster),
    alive: () => alive.size,
    async expire() {
      const { items } = await cluster.call('GET', at.jobs);
      for (const job of items.filter(isEnded))
        await cluster.call('DELETE', `${at.jobs}/${job.metadata.name}`, { propagationPolicy: 'Foreground' });
    },
    async left() {
      const found = await Promise.all(
        Object.entries(at).map(async ([kind, path]) => {
          const { items } = await cluster.call('GET', path);
          return items.map(({ metadata }) => `${kind} ${metadata.name}`);
        }),
      );
      return found.flat();
    },
    async close() {
      stopWatch();
      await kwok.close();
      await cluster.close();
    },
  };
}

function isEnded({ status }: KubernetesObject): boolean {
  const conditions = (status['conditions'] ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True');
}

/** By the server's own metrics. */
async function requestsOf({ kubeconfig, server }: Cluster): Promise<Record<string, number>> {
  const connection = connectByKubeconfig({ file: kubeconfig });
  const { agent, headers } = await connection.access();
  const text = await new Promise<string>((resolve, reject) => {
    const asked = request(`${server}/metrics`, { agent, headers }, (response) => {
      let read = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        read += chunk;
      });
      response.once('error', reject);
      response.once('end', () => resolve(read));
    });
    asked.once('error', reject);
    asked.end();
  });
  connection.close();
  const counts: Record<string, number> = {};
  for (const [, labels = '', count] of text.matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm)) {
    const label = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? '';
    const call = `${label('verb')} ${label('resource')}`;
    if (['jobs', 'secrets'].includes(label('resource')) && label('subresource') === '')
      counts[call] = (counts[call] ?? 0) + Number(count);
  }
  return counts;
}
