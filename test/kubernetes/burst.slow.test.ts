// The whole embedded system on Kubernetes itself: five hundred jobs at once, and what goes wrong on the way. Pods are
// scheduled to simulated nodes, and claim as real ones do; jobs are GitHub's, simulated.
//
// What lives is counted from the API server's own history, which no moment is missing from.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { whyNoKubernetes } from '../../scripts/kubernetes.ts';
import type { World } from '../../src/adapters/github/simulated/world.ts';
import { roleRules } from '../../src/adapters/hosts/kubernetes/manifests.ts';
import { type System, startSystem, until } from '../end-to-end/harness.ts';
import { type Cluster, type KubernetesObject, startCluster } from './cluster.ts';
import { type Nodes, type PodProgram, startNodes } from './nodes.ts';
import { startProxy } from './proxy.ts';

const labels = ['self-hosted', 'pods'];
const jobsMany = 500;
const limit = 80;
const patienceMs = 400_000;

let cluster: Cluster;
let nodes: Nodes;
let system: System | null = null;
const twins: Twins = { started: 0, both: 0 };

describe('the system on Kubernetes itself', { concurrency: 1, skip: whyNoKubernetes }, () => {
  before(async () => {
    cluster = await startCluster();
    nodes = await startNodes(cluster, {
      count: 2,
      program: runnerInPod(
        () => system?.url() ?? '',
        () => system?.world ?? null,
        twins,
      ),
    });
  });
  after(async () => {
    await nodes?.close();
    await cluster?.close();
  });

  for (const [says, options] of [
    ['runs 500 jobs at once', {}],
    ['runs 100 with configurations that are handed over', { configuration: 'handedOver', jobs: 100 }],
    ['runs 150 without a watch, as on AWS', { watch: false, jobs: 150 }],
    ['runs 500 while the API server is restarted', { restart: true }],
    ['runs 150 through a server that refuses, fails and loses answers', { jobs: 150, faults: true }],
  ] as const) {
    test(`${says}: limits are exact, and nothing is left`, async (t) => {
      const given = {
        jobs: jobsMany,
        restart: false,
        faults: false,
        configuration: 'claimed',
        watch: true,
        ...options,
      };
      if (given.restart && cluster.restartServer === null)
        return t.skip('this API server is not ours to kill');
      const namespace = await cluster.namespace(`burst-${given.jobs}-${says.length}`);
      await cluster.allow(namespace, 'runners', roleRules(given));
      const census = countJobs(namespace);
      const proxy = await startProxy(cluster, { user: 'runners', faults: given.faults });
      system = await startSystem({
        configuration: {
          hosts: {
            pods: {
              type: 'kubernetes',
              limit,
              launchBurst: 1_000,
              launchesPerSecond: 1_000,
              options: {
                namespace,
                auth: { kind: 'kubeconfig', file: proxy.kubeconfig },
                configuration: given.configuration as 'claimed' | 'handedOver',
                watch: given.watch,
              },
            },
          },
          pools: { pods: { host: 'pods', os: 'linux', labels, limit, machine: nodes.machine } },
          // Lists are what tells where there is no watch.
          timing: {
            hostListSeconds: given.watch ? 5 : 0.5,
            outboxSeconds: 5,
            bootSeconds: 60,
            leaseSeconds: 20,
          },
        },
      });
      const started = system;
      const startedAt = performance.now();
      try {
        const run = started.world.startRun('acme/app', {
          name: 'ci',
          jobs: [
            { name: 'matrix', labels, matrix: Math.min(given.jobs, 250), failFast: false, durationMs: 100 },
          ],
        });
        const second =
          given.jobs > 250
            ? started.world.startRun('acme/app', {
                name: 'ci',
                jobs: [
                  { name: 'matrix', labels, matrix: given.jobs - 250, failFast: false, durationMs: 100 },
                ],
              })
            : run;
        if (given.restart) {
          await until('a fifth has run', () => census.ended() > given.jobs / 5, patienceMs);
          await cluster.restartServer?.(1_000);
        }
        const isOver = (): boolean => run.status === 'completed' && second.status === 'completed';
        await until('all jobs end', isOver, patienceMs);
        const tookMs = performance.now() - startedAt;
        assert.equal(run.conclusion, 'success');
        assert.equal(second.conclusion, 'success');
        await until('the table has nothing left', () => started.isEmpty(), patienceMs);
        assert.ok(census.most() <= limit, `${census.most()} Jobs of ${limit}`);
        assert.ok(census.most() > limit / 2, `only ${census.most()} of ${limit}: the limit was not tried`);

        const counted = proxy.counted();
        const launched = started.recorder.counted('orchestrator_launches_total', { outcome: 'launched' });
        t.diagnostic(
          `${given.jobs} jobs in ${Math.round(tookMs)} ms, ${launched} launches, at most ${census.most()} alive; calls ` +
            `for each launch: ${Object.entries(counted)
              .map(([call, times]) => `${call} ${(times / launched).toFixed(2)}`)
              .join(', ')}`,
        );
        if (!given.faults && !given.restart) {
          const creates = (counted['create jobs'] ?? 0) + (counted['create secrets'] ?? 0);
          assert.ok(creates <= launched * 2.02, `${creates} creates for ${launched} launches`);
          assert.ok((counted['delete jobs'] ?? 0) <= launched, `${counted['delete jobs']} deletes`);
        }
        await nothingLeft(namespace);
        if (given.configuration === 'claimed') assert.ok(twins.started > 0, 'no Job started twice');
        assert.equal(twins.both, 0, 'both pods of a Job were given a configuration');
        // An order that fails is told of, and tried again.
        const errors = started.recorder.logs().filter(({ level }) => level === 'error');
        if (!given.faults && !given.restart) assert.deepEqual(errors, []);
      } finally {
        await started.close();
        system = null;
        await proxy.close();
        census.stop();
      }
    });
  }
});

/** Ended Jobs stay for their time; this does what the cluster does then, at once, and sees that all goes with them. */
async function nothingLeft(namespace: string): Promise<void> {
  const at = `/apis/batch/v1/namespaces/${namespace}/jobs`;
  const { items } = await cluster.call('GET', at);
  assert.deepEqual(
    items.filter((job) => !isEnded(job)).map(({ metadata }) => metadata.name),
    [],
    'Jobs that live on',
  );
  await cluster.call('DELETE', at, { propagationPolicy: 'Foreground' });
  for (const path of [at, `/api/v1/namespaces/${namespace}/pods`, `/api/v1/namespaces/${namespace}/secrets`])
    await until(
      `nothing is at ${path}`,
      async () => (await cluster.call('GET', path)).items.length === 0,
      60_000,
    );
}

/** Jobs that are not over, by the server's history. */
function countJobs(namespace: string) {
  const alive = new Set<string>();
  const over = new Set<string>();
  let most = 0;
  const stream = cluster.watch(`/apis/batch/v1/namespaces/${namespace}/jobs`, (type, job) => {
    if (type === 'DELETED' || isEnded(job)) {
      alive.delete(job.metadata.uid);
      over.add(job.metadata.uid);
    } else if (!over.has(job.metadata.uid)) alive.add(job.metadata.uid);
    most = Math.max(most, alive.size);
  });
  return { most: () => most, ended: () => over.size, stop: stream.stop };
}

function isEnded({ status }: KubernetesObject): boolean {
  const conditions = (status['conditions'] ?? []) as { type: string; status: string }[];
  return conditions.some(({ type, status: is }) => ['Complete', 'Failed'].includes(type) && is === 'True');
}

/** Every so manieth Job. */
const twinEach = 10;
const runnerVersion = '2.336.0';

/** What the two containers do, in one: claim, connect, one job. Some Jobs start twice. */
function runnerInPod(url: () => string, world: () => World | null, told: Twins): PodProgram {
  let started = 0;
  return async ({ name, environment, secret, signal }) => {
    started += 1;
    const claims = (): Promise<string | null> => claim(url(), environment, secret, signal);
    const isTwice = secret['jitconfig'] === undefined && started % twinEach === 0;
    if (isTwice) told.started += 1;
    const claimed = isTwice ? await firstOfTwo(claims(), claims(), told) : null;
    const jitConfig = claimed ?? secret['jitconfig'] ?? (await claims());
    const gitHub = world();
    if (jitConfig === null || gitHub === null || signal.aborted) return 1;
    const connected = gitHub.runnerConnect(jitConfig, runnerVersion);
    if (connected.outcome === 'refused') throw new Error(`${name}: ${connected.reason}`);
    const { session } = connected;
    signal.addEventListener('abort', () => session.vanish(), { once: true });
    const job = await session.nextJob();
    if (job === 'gone') return 0;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, job.durationMs);
      signal.addEventListener(
        'abort',
        () => {
          clearTimeout(timer);
          resolve();
        },
        { once: true },
      );
    });
    if (!signal.aborted) session.finish(job.outcome);
    return 0;
  };
}

interface Twins {
  started: number;
  /** Where both were given a configuration: the later one takes the earlier one's registration away. */
  both: number;
}

/** The two pods of one Job, which ask at the same time: the one that is refused waits for its end. */
async function firstOfTwo(one: Promise<string | null>, two: Promise<string | null>, told: Twins) {
  const first = await Promise.race([one, two]);
  void Promise.all([one, two]).then((both) => {
    if (both.every((configuration) => configuration !== null)) told.both += 1;
  });
  return first;
}

async function claim(
  url: string,
  environment: Readonly<Record<string, string>>,
  secret: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string | null> {
  const { pathname } = new URL(environment['CLAIM_URL'] ?? '');
  const key = randomBytes(32).toString('base64url');
  while (!signal.aborted) {
    const answer = await fetch(new URL(pathname, url), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ runner: environment['RUNNER_NAME'], token: secret['token'], key }),
    });
    const body = (await answer.json()) as { jitConfig?: string };
    if (answer.status === 200) return body.jitConfig ?? null;
    if (answer.status === 401 || answer.status === 410)
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await new Promise((resolve) =>
      setTimeout(resolve, 1000 * Number(answer.headers.get('retry-after') ?? 1)),
    );
  }
  return null;
}
