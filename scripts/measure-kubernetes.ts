// Figures of the host on Kubernetes itself, on this machine: launches a second into the API server, and what the watch
// of many Jobs and their pods holds. `node scripts/measure-kubernetes.ts 5000`

import { createSystemClock } from '../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../src/adapters/clock/system/random.ts';
import { createApi } from '../src/adapters/hosts/kubernetes/api.ts';
import { connectByKubeconfig } from '../src/adapters/hosts/kubernetes/connect/kubeconfig.ts';
import { createKubernetesHost } from '../src/adapters/hosts/kubernetes/index.ts';
import { kubernetesHostOptions } from '../src/adapters/hosts/kubernetes/options.ts';
import { type DeploymentPrefix, type HostName, type PoolName, runnerName, ulid } from '../src/core/ids.ts';
import { startKubernetes } from './kubernetes.ts';

/** Launchers at work at once. */
const parallel = 32;
/** Of the heap, ten a second, while the watch begins. */
const watchLooks = 300;
const jobs = Number(process.argv[2] ?? 5000);
const deployment = 'own1' as DeploymentPrefix;
const host = 'pods' as HostName;
const pool = 'small' as PoolName;
const clock = createSystemClock();
const random = createSystemRandom();

const kubernetes = await startKubernetes();
const hostWith = (watch: boolean) =>
  createKubernetesHost({
    deployment,
    host,
    options: kubernetesHostOptions.parse({ namespace: 'default', watch }),
    osOf: () => 'linux',
    connection: connectByKubeconfig({ file: kubernetes.kubeconfig }),
    clock,
    random,
    onEvent: async () => {},
    onWarning: (text) => console.error(text),
  });
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
const heap = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

try {
  const launching = hostWith(false);
  const left = Array.from({ length: jobs }, () =>
    runnerName(deployment, host, pool, ulid(clock.now(), random)),
  );
  const startedAt = clock.now();
  const refused: string[] = [];
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      for (let name = left.pop(); name !== undefined; name = left.pop()) {
        const answer = await launching.launch({
          ...{ name, attempt: 1, deployment, pool, labels: [], machine: {}, lifetimeMsMax: 3_600_000 },
          answerBefore: clock.now() + 60_000,
          traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
          configuration: { kind: 'claimed', url: 'https://example.test/runners/claim', token: 'a token' },
        });
        if (answer.outcome === 'refused') refused.push(answer.reason);
      }
    }),
  );
  const seconds = (clock.now() - startedAt) / 1000;
  console.log(`${jobs} launches in ${seconds.toFixed(1)} s: ${(jobs / seconds).toFixed(0)} a second`);
  if (refused.length > 0) console.log(`${refused.length} refused: ${refused[0]}`);

  const listedAt = clock.now();
  const listed = await launching.list();
  console.log(`a list of ${listed === 'unknown' ? listed : listed.length} in ${clock.now() - listedAt} ms`);

  const connection = connectByKubeconfig({ file: kubernetes.kubeconfig });
  const api = createApi({ connection, namespace: 'default', clock });
  const podsThere = async () => (await api.listPods('')).items.length;
  while ((await podsThere()) < jobs) await clock.sleep(1_000);
  console.log(
    `${await podsThere()} pods ${((clock.now() - startedAt) / 1000).toFixed(0)} s after the first launch`,
  );
  connection.close();

  const before = heap();
  const rssBefore = process.memoryUsage.rss();
  const watching = hostWith(true);
  let heapMost = 0;
  for (let looks = 0; looks < watchLooks; looks += 1) {
    await clock.sleep(100);
    heapMost = Math.max(heapMost, process.memoryUsage().heapUsed);
  }
  console.log(
    `the watch of them holds ${megabytes(heap() - before)} of heap (run with --expose-gc), at most ` +
      `${megabytes(heapMost - before)} while it begins; the process grew by ${megabytes(process.memoryUsage.rss() - rssBefore)}`,
  );
  console.log(`this process ${megabytes(process.memoryUsage.rss())}; Kubernetes`, kubernetes.memory());
  watching.close();
  launching.close();
} finally {
  await kubernetes.stop();
}
