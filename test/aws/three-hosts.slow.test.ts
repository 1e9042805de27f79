// One deployment over EC2, Kubernetes and Lambda at once, on the emulator: its templates, its functions with their roles,
// and a burst of jobs over the three.
//
//   the system   the synthesized templates, deployed; real functions, called as mappings, rules and doors call them
//   EC2          a stand-in of its API; machines run a program that does as the boot script
//   Kubernetes   itself, without containers: kwok's nodes; EKS is a stand-in around the emulator's EKS, IAM and STS,
//                which check who asks, and for which cluster
//   Lambda       a stand-in of asynchronous Invoke; in a function runs what does as the image's program
//   GitHub       simulated
//
// What is alive is counted on each ground at every birth, and never by the system's own books.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import { whyNoKubernetes } from '../../scripts/kubernetes.ts';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../../src/adapters/clock/system/random.ts';
import { createCaller } from '../../src/adapters/hosts/kubernetes/call.ts';
import { connectToEks } from '../../src/adapters/hosts/kubernetes/connect/eks.ts';
import { Refusal } from '../../src/adapters/hosts/kubernetes/refusals.ts';
import { demandConfiguration } from '../../src/config/check.ts';
import type { HostName, PoolName } from '../../src/core/ids.ts';
import { emulatedPlace } from '../../src/deployments/aws/emulated/connection.ts';
import { createSigner, type Signer } from '../ec2/identity.ts';
import { plentyOfGitHub } from '../end-to-end/harness.ts';
import { grantedActions, kindOf, usedActions } from './grants.ts';
import { type Ec2Ground, startEc2Ground } from './grounds/ec2.ts';
import { type Eks, startEks } from './grounds/eks.ts';
import { connectBus, type EventBus } from './grounds/event-bus.ts';
import { type KubernetesGround, startKubernetesGround } from './grounds/kubernetes.ts';
import { type LambdaGround, startLambdaGround } from './grounds/lambda.ts';
import { countedOn, depths, isDeadLetters, startTrial, type Trial, timing } from './harness.ts';
import { ofTheFlow, tableOf } from './serve.ts';

const hosts = ['cloud', 'pods', 'fn'] as HostName[] as [HostName, HostName, HostName];
const [cloud, pods, fn] = hosts;
const [build, lint, short] = ['build', 'lint', 'short'] as PoolName[] as [PoolName, PoolName, PoolName];

const jobsOfEach = 100;
/** Short jobs: it is the system that is at work here. */
const durationMs = 500;
const limits = { cloud: 12, pods: 14, fn: 10 };

/** What the emulator has by itself. */
const network = {
  kind: 'existing' as const,
  vpcId: 'vpc-00000001',
  subnetIds: ['subnet-00000001', 'subnet-00000002'],
  zones: ['us-east-1a', 'us-east-1b'],
};
const subnets = Object.fromEntries(network.subnetIds.map((id, at) => [id, network.zones[at] ?? '']));

/** As measured, with room for what repeats itself on a busy machine. */
const callsPerJobMax = 20;
/** One that idled beside a job that another took is not wrong, many are. */
const birthsPerJobMax = 1.25;
const withinMs = 8 * 60_000;
const testMs = 12 * 60_000;

describe('one deployment over EC2, Kubernetes and Lambda', {
  timeout: 2 * testMs,
  skip: whyNoKubernetes,
}, () => {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const errors: string[] = [];
  const onError = (error: unknown) => void errors.push(String(error));
  const ends: (() => unknown)[] = [];
  let signer: Signer;
  let eks: Eks;
  let bus: EventBus;
  let ec2: Ec2Ground;
  let kubernetes: KubernetesGround;
  let lambda: LambdaGround;
  let trial: Trial;

  before(
    async () => {
      signer = createSigner(emulatedPlace);
      ends.push(signer.close);
      eks = await startEks();
      ends.push(eks.close);
      kubernetes = await startKubernetesGround({ clock, random, eks, onError });
      ends.push(kubernetes.close);
      trial = await startTrial({
        settings: { network },
        configure: () => configured(kubernetes, signer),
        async onDeployed(place) {
          bus = await connectBus(place);
          ends.push(bus.close);
          ec2 = await startEc2Ground(place, { clock, random, bus, signer, subnets, onError });
          ends.push(ec2.close);
          lambda = await startLambdaGround(place, { clock, random, bus, onError });
          ends.push(lambda.close);
          await kubernetes.open(place);
        },
      });
      ends.push(trial.stop);
    },
    { timeout: testMs },
  );
  after(
    async () => {
      for (const end of ends.reverse()) await end();
    },
    { timeout: testMs },
  );

  const left = async (): Promise<string[]> => {
    const on = await Promise.all([ec2.left(), kubernetes.left(), lambda.left()]);
    const counted = await Promise.all(hosts.map((host) => countedOn(trial, host)));
    const entries = [...trial.world.gitHub.world.state.runners.values()].map(
      ({ name }) => `${name} at GitHub`,
    );
    return [...on.flat(), ...counted.flat(), ...entries];
  };

  it('serves 300 jobs at once, with exact limits, and nothing is left', { timeout: testMs }, async (t) => {
    const { world, cloud: aws, ticking } = trial;
    const before = aws.wire.calls().length;
    const requestsBefore = await kubernetes.requests();
    const startedAt = clock.now();
    const burst = world.enqueue([build, lint, short].map((pool) => ({ pool, jobs: jobsOfEach, durationMs })));
    await ticking(async () => {
      await burst.served(withinMs);
      const servedMs = clock.now() - startedAt;
      t.diagnostic(`${burst.jobs.length} jobs in ${Math.round(servedMs / 1_000)} s`);
      assert.ok(burst.jobs.every(({ conclusion }) => conclusion === 'success'));
      await trial.eventually(
        'nothing is alive on any ground',
        async () => ec2.alive() + kubernetes.alive() + lambda.alive() === 0,
        withinMs,
      );
      await kubernetes.expire();
      await trial.eventually('nothing is left', async () => (await left()).length === 0, withinMs);
    });
    await trial.eventually(
      'all queues are empty',
      async () => Object.keys(await depths(trial, (queue) => !isDeadLetters(queue))).length === 0,
      withinMs,
    );
    const tookMs = clock.now() - startedAt;

    // ---- Limits, by each ground
    const most = Object.fromEntries(hosts.map((host) => [host, world.limits.mostOfHost(host)]));
    const births = world.limits.births();
    t.diagnostic(
      `nothing left after ${Math.round(tookMs / 1_000)} s; ${births} machines; at most ${JSON.stringify(most)}`,
    );
    assert.deepEqual(world.limits.broken(), []);
    for (const host of hosts)
      assert.ok(
        (most[host] ?? 0) * 2 >= limits[host as keyof typeof limits],
        `${host} was not tried: ${JSON.stringify(most)}`,
      );
    const jobs = burst.jobs.length;
    assert.ok(births >= jobs && births <= jobs * birthsPerJobMax, `${births} machines for ${jobs} jobs`);

    // ---- Nothing is left, nothing was refused
    assert.deepEqual(await left(), []);
    assert.deepEqual(await depths(trial, isDeadLetters), {}, 'nothing is among the dead letters');
    assert.deepEqual(errors, []);
    assert.deepEqual(
      aws.wire.calls().filter(({ error }) => error !== null && /Limit|Thrott|TooMany|Denied/.test(error)),
      [],
    );
    assert.equal(eks.tokens().refused, 0);
    assert.equal(lambda.results(), lambda.standIn.calls.length + lambda.spent(), 'each invocation came back');
    assert.ok(lambda.spent() > 0, 'no event ran twice');

    // ---- Calls
    const calls = ofTheFlow(aws.wire.calls().slice(before));
    const requests = await kubernetes.requests();
    const byService = Object.groupBy(calls, ({ service }) => service);
    t.diagnostic(
      `${(calls.length / jobs).toFixed(1)} calls per job: ${Object.entries(byService)
        .map(([service, of = []]) => `${service} ${(of.length / jobs).toFixed(2)}`)
        .join(', ')}; of Kubernetes for each of its jobs: ${Object.entries(requests)
        .map(([call, count]) => `${call} ${((count - (requestsBefore[call] ?? 0)) / jobsOfEach).toFixed(2)}`)
        .join(', ')}\n${tableOf(calls)}`,
    );
    assert.ok(calls.length / jobs <= callsPerJobMax, `${calls.length / jobs} calls per job`);
  });

  it('lets nobody into the cluster whom EKS does not know there', async () => {
    const client = { endpoint: trial.cloud.wire.url, region: emulatedPlace.region };
    // Signed in order, by the account itself, for which there is no access entry.
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const cluster = kubernetes.clusterName;
    const connection = connectToEks({ cluster, clock, client: { ...client, credentials } });
    const asked = { what: 'list jobs', method: 'GET', path: '/apis/batch/v1/jobs' } as const;
    const before = eks.tokens();
    await assert.rejects(
      createCaller({ connection, clock }).ask(asked, z.unknown()),
      (error: unknown) => error instanceof Refusal && error.status === 401,
    );
    connection.close();
    // A token that was not taken is made anew, once.
    assert.ok(eks.tokens().refused > before.refused);
  });

  it('does nothing that a role does not grant, where stand-ins answer too', () => {
    const granted = grantedActions(trial.deployed.stacks);
    const beyond = [...usedActions(trial.cloud.wire.calls())].flatMap(([caller, actions]) =>
      [...actions].flatMap((action) =>
        granted.get(caller)?.has(action) ? [] : [`${kindOf(caller)} ${action}`],
      ),
    );
    assert.deepEqual(beyond, []);
  });
});

function configured(kubernetes: KubernetesGround, { certificate }: Signer) {
  const { clusterName, namespace, machine } = kubernetes;
  // Its stand-in takes as many launches a second as EC2 does; the others take what is asked.
  const quick = { launchBurst: 100, launchesPerSecond: 100 };
  return demandConfiguration({
    github: plentyOfGitHub,
    // A pod that has ended is found by the list: on AWS nobody watches.
    timing: { ...timing, hostListSeconds: 1 },
    hosts: {
      [cloud]: { type: 'ec2', limit: limits.cloud, options: { identityCertificate: certificate } },
      [pods]: {
        ...{ type: 'kubernetes', limit: limits.pods, ...quick },
        options: { namespace, auth: { kind: 'eks', cluster: clusterName }, setUp: 'byHand' },
      },
      [fn]: { type: 'lambda', limit: limits.fn, ...quick, options: { reservedPerRunner: 2 } },
    },
    pools: {
      [build]: {
        host: cloud,
        os: 'linux',
        labels: ['self-hosted', 'build'],
        limit: limits.cloud,
        machine: { instanceTypes: ['m7i.large'] },
      },
      [lint]: { host: pods, os: 'linux', labels: ['self-hosted', 'lint'], limit: limits.pods, machine },
      [short]: {
        ...{ host: fn, os: 'linux', labels: ['self-hosted', 'short'], limit: limits.fn, jobMinutesMax: 5 },
        machine: { image: '000000000000.dkr.ecr.us-east-1.amazonaws.com/runner:1' },
      },
    },
  }).configuration;
}
