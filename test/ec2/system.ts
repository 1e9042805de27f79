// The whole system on EC2 for a test: the pipeline with EC2's adapter and the real SDK, the stand-in cloud behind it,
// instances that run a program as their boot script would, and the simulated GitHub beside them. Calls to the cloud,
// claims and webhooks go over HTTP. Time is virtual, and stands still while something is on its way.
//
// What lives is counted on the cloud: at each birth, against the limit.

import type { EC2Client } from '@aws-sdk/client-ec2';
import { createMemoryBudgets } from '../../src/adapters/budgets/memory/index.ts';
import { createVirtualClock, type VirtualClock } from '../../src/adapters/clock/virtual/index.ts';
import { createSeededRandom } from '../../src/adapters/clock/virtual/random.ts';
import { createHookSender } from '../../src/adapters/github/simulated/hook-sender.ts';
import { createSimulatedGitHub } from '../../src/adapters/github/simulated/index.ts';
import type { WorkflowRun } from '../../src/adapters/github/simulated/state.ts';
import type { JobDescription } from '../../src/adapters/github/simulated/workflow.ts';
import { createWorld, fullPermissions, type World } from '../../src/adapters/github/simulated/world.ts';
import { createEc2Clients, type Ec2Clients } from '../../src/adapters/hosts/ec2/client.ts';
import { readMachineEvent } from '../../src/adapters/hosts/ec2/events.ts';
import { tagKeys } from '../../src/adapters/hosts/ec2/tags.ts';
import type { StandInInstance } from '../../src/adapters/hosts/ec2/testing/cloud.ts';
import {
  type Ec2StandIn,
  type Fate,
  type StandInSettings,
  startEc2StandIn,
} from '../../src/adapters/hosts/ec2/testing/server.ts';
import { standInConfig, subnets, template } from '../../src/adapters/hosts/ec2/testing.ts';
import { createMemoryJobsTable } from '../../src/adapters/jobs-tables/memory/index.ts';
import { createMemoryOffers } from '../../src/adapters/offers/memory/index.ts';
import { createRecorder, type Recorder } from '../../src/adapters/telemetry/recorder/index.ts';
import { demandConfiguration } from '../../src/config/check.ts';
import type { ConfigurationInput } from '../../src/config/define-config.ts';
import { jobKey } from '../../src/core/ids.ts';
import type { Runner } from '../../src/core/runner.ts';
import { startServer } from '../../src/deployments/embedded/server.ts';
import { startTicking } from '../../src/deployments/embedded/ticking.ts';
import { makeDeployment } from '../../src/deployments/make-deployment.ts';
import type { Pipeline } from '../../src/deployments/pipeline.ts';
import type { Context } from '../../src/deployments/stations.ts';
import { createOperator } from '../../src/flow/operator/operator.ts';
import type { WhyView } from '../../src/flow/operator/views.ts';
import { createSigner } from './identity.ts';
import { createMachine, type Machine, type MachineDeps } from './machine.ts';
import { createTraffic, passUntil } from './standing-time.ts';
import { gitHubOfTests, hostName, openOnEc2, webhookSecret } from './wiring.ts';

type Pools = ConfigurationInput['pools'];

export interface SystemOptions {
  pools: Pools;
  limit: number;
  /** Of the host's configuration: `launchBurst` and such. */
  host?: { launchBurst?: number; launchesPerSecond?: number; noCapacityMinutes?: number };
  github?: ConfigurationInput['github'];
  cloud?: Partial<Omit<StandInSettings, 'clock' | 'subnets' | 'templates' | 'fate'>>;
  /** As the stand-in's own, with the number of calls of this action so far. */
  fate?: (call: { action: string; nth: number; params: unknown }) => Fate;
  /** What is done at once, and answered so much later. */
  hold?: (action: string, nth: number) => number;
  bootMs?: number;
  mayRerun?: boolean;
  onWork?: MachineDeps['onWork'];
}

export interface System {
  readonly clock: VirtualClock;
  readonly cloud: Ec2StandIn['cloud'];
  readonly standIn: Ec2StandIn;
  readonly world: World;
  readonly recorder: Recorder;
  readonly pipeline: Pipeline;
  /** Those of the pool's machines; a test deploys a new version by changing one. */
  readonly templates: Record<string, string>;
  /** Codes of what EC2 refused, each with its action, as often as it did. */
  readonly refusals: readonly string[];
  /** The most that ever lived at one time, by the cloud. */
  most(): number;
  alive(): StandInInstance[];
  nameOf(instance: StandInInstance): string;
  start(...jobs: JobDescription[]): WorkflowRun;
  runners(): Promise<Runner[]>;
  why(jobId: number): Promise<WhyView>;
  until(says: string, withinMs: number, look: () => boolean | Promise<boolean>): Promise<void>;
  pass(ms: number): Promise<void>;
  /** No machine that is paid for, no entry at GitHub, no runner in the table, but these. */
  isEmpty(): Promise<boolean>;
  close(): Promise<void>;
}

const startAt = Date.UTC(2026, 10, 25, 8);
/** A machine of Linux, with its image ready. [EC2: it says nothing; about as others measure it] */
const bootMsDefault = 20_000;
/** What EventBridge takes, about. */
const eventMs = 1_000;
/** EC2 shows a launched machine to other calls after moments. */
const visibleAfterMs = 2_000;
/** The patience of a webhook's sender is real time: far more than a loopback takes. */
const webhookMsMax = 30_000;
/** What EC2 grants by default as requests, launches above all. [EC2: Request throttling] */
const bucketsOfEc2: NonNullable<StandInSettings['buckets']> = {
  CreateFleet: { burst: 5, perSecond: 2 },
  RunInstances: { burst: 5, perSecond: 2 },
  StartInstances: { burst: 5, perSecond: 2 },
  TerminateInstances: { burst: 100, perSecond: 5 },
  StopInstances: { burst: 100, perSecond: 5 },
  DescribeInstances: { burst: 100, perSecond: 20 },
  CreateTags: { burst: 100, perSecond: 10 },
};

export async function startSystem(options: SystemOptions): Promise<System> {
  const clock = createVirtualClock(startAt);
  const random = createSeededRandom(7);
  const traffic = createTraffic();
  const recorder = createRecorder();
  const signer = createSigner();
  const refusals: string[] = [];
  const templates: Record<string, string> = Object.fromEntries(
    Object.keys(options.pools).map((pool) => [pool, `${template.id}:1`]),
  );

  const { configuration } = demandConfiguration({
    hosts: {
      cloud: {
        type: 'ec2',
        limit: options.limit,
        ...(options.host?.launchBurst && { launchBurst: options.host.launchBurst }),
        ...(options.host?.launchesPerSecond && { launchesPerSecond: options.host.launchesPerSecond }),
        options: {
          identityCertificate: signer.certificate,
          ...(options.host?.noCapacityMinutes && { noCapacityMinutes: options.host.noCapacityMinutes }),
        },
      },
    },
    pools: options.pools,
    ...(options.github && { github: options.github }),
  });

  // ---- The cloud, and what runs on it

  const machines = new Map<string, Machine>();
  let most = 0;
  const counts = new Map<string, number>();
  const standIn = await startEc2StandIn({
    clock,
    subnets,
    templates: [{ ...template, versions: 9 }],
    visibleAfterMs,
    pendingMs: 5_000,
    stoppingMs: 15_000,
    endingMs: 15_000,
    buckets: bucketsOfEc2,
    ...options.cloud,
    fate(call) {
      const nth = (counts.get(call.action) ?? 0) + 1;
      counts.set(call.action, nth);
      const fate = options.fate?.({ ...call, nth }) ?? 'pass';
      const latencyMs = options.hold?.(call.action, nth) ?? 0;
      return fate === 'pass' && latencyMs > 0 ? { hold: traffic.waitsFor(clock.sleep(latencyMs)) } : fate;
    },
    onEvent(event) {
      clock.after(eventMs, () => void tell(event));
      const instance = standIn.cloud.instances.get(event.detail['instance-id'] ?? '');
      if (event['detail-type'].includes('State-change') && instance) onState(instance);
    },
  });
  const { cloud } = standIn;

  function onState(instance: StandInInstance): void {
    const machine = machines.get(instance.id) ?? createMachine(machineDeps, instance);
    machines.set(instance.id, machine);
    if (instance.state === 'pending') most = Math.max(most, alive().length);
    if (instance.state === 'running') machine.boot();
    else machine.halt();
  }

  async function tell(event: unknown): Promise<void> {
    await traffic.during(async () => {
      const read = await readMachineEvent(event, hostName, () => clients);
      if (read) await pipeline.doors.hostEvent(hostName, read);
    });
  }

  const alive = (): StandInInstance[] =>
    [...cloud.instances.values()].filter(({ state }) => state !== 'terminated');

  const clients = watched(createEc2Clients({ ...standInConfig, endpoint: standIn.endpoint }));

  /** Time stands while a call is on its way; what EC2 refuses is noted. */
  function watched(made: Ec2Clients): Ec2Clients {
    for (const client of [made.once, made.repeating] as EC2Client[])
      client.middlewareStack.add(
        (next, { commandName = '' }) =>
          (args) =>
            traffic.during(async () => {
              try {
                return await next(args);
              } catch (error) {
                refusals.push(
                  `${commandName.replace(/Command$/, '')} ${error instanceof Error ? error.name : error}`,
                );
                throw error;
              }
            }),
        { step: 'initialize', name: 'standingTime' },
      );
    return made;
  }

  // ---- GitHub, and the doors

  const server = await startServer(
    {
      doors: {
        webhook: (request) => pipeline.doors.webhook(request),
        claim: (body) => pipeline.doors.claim(body),
        milestone: (body) => pipeline.doors.milestone(body),
      },
      telemetry: recorder,
      health: () => Promise.resolve(),
      metrics: () => Promise.resolve(''),
    },
    { host: '127.0.0.1', port: 0 },
  );
  const sender = createHookSender(`${server.url}/webhooks/github`, webhookMsMax);
  const world = createWorld({
    clock,
    random: random.fork('github'),
    app: { webhookSecret },
    deliver: (delivery) => traffic.during(() => sender.deliver(delivery)),
  });
  world.addOrganisation('acme');
  world.addRepository('acme/app');
  world.addOrganisation('other');
  world.addRepository('other/app');
  for (const owner of ['acme', 'other'])
    world.install(owner, {
      ...(options.mayRerun && { permissions: { ...fullPermissions, actions: 'write' as const } }),
    });

  const machineDeps: MachineDeps = {
    clock,
    traffic,
    signer,
    world,
    shutDown: (instance) => cloud.shutDown(instance),
    bootMs: options.bootMs ?? bootMsDefault,
    isReused: ({ tags }) => {
      const pool = configuration.pools.find(({ name }) => name === tags.get(tagKeys.pool));
      return (pool?.reuseMs ?? 0) > 0;
    },
    ...(options.onWork && { onWork: options.onWork }),
  };

  // ---- The pipeline

  const context: Context = {
    clock,
    random,
    configuration,
    gitHubName: gitHubOfTests,
    deployment: makeDeployment(),
    telemetry: recorder,
  };
  const pipeline = openOnEc2({
    ...context,
    table: (onChanges, deadlines) => createMemoryJobsTable({ onChanges, deadlines, freeze: true }),
    github: createSimulatedGitHub(world),
    budgets: createMemoryBudgets(),
    offers: createMemoryOffers(),
    clients,
    templates,
    claimUrl: `${server.url}/runners/claim`,
  });
  const operator = createOperator({
    clock,
    table: pipeline.ports.table,
    configuration,
    gitHubName: gitHubOfTests,
  });
  await pipeline.start();
  const stopTicking = startTicking({
    clock,
    tickMs: configuration.timing.tickMs,
    tick: pipeline.tick,
    telemetry: recorder,
  });

  const runners = async (): Promise<Runner[]> => [...(await pipeline.ports.table.runnersOfHost(hostName))];

  return {
    clock,
    cloud,
    standIn,
    world,
    recorder,
    pipeline,
    templates,
    refusals,
    most: () => most,
    alive,
    nameOf: ({ tags }) => tags.get(tagKeys.name) ?? '',
    start: (...jobs) => world.startRun('acme/app', { name: 'ci', jobs }),
    runners,
    async why(jobId) {
      const view = await operator.why(jobKey(gitHubOfTests, jobId));
      if (!view) throw new Error(`job ${jobId} is not known`);
      return view;
    },
    until: (says, withinMs, look) => passUntil({ clock, traffic }, says, withinMs, look),
    async pass(ms) {
      const end = clock.now() + ms;
      clock.after(ms, () => {});
      await passUntil({ clock, traffic }, `${ms} ms pass`, ms + 1, () => clock.now() >= end);
    },
    async isEmpty() {
      if (alive().length > 0) return false;
      if ([...world.state.runners.values()].some(({ phase }) => phase !== 'gone')) return false;
      return (await runners()).length === 0;
    },
    async close() {
      await stopTicking();
      for (const machine of machines.values()) machine.halt();
      sender.close();
      await server.close();
      await standIn.close();
      signer.close();
      for (const client of [clients.once, clients.repeating]) client.destroy();
    },
  };
}
