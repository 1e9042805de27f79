// The diagram, wired in one process: every station with its queue. The embedded deployment and the simulator both run
// this; they differ in what they hand in.
//
//   doors → table → stream → messenger → publisher topic → publisher → jobs topic → launcher, terminator, reconciler

import {
  createInProcessQueue,
  createInProcessTopic,
  type InProcessQueue,
  type QueueFaults,
} from '../adapters/topics/in-process/index.ts';
import { type Configuration, hostByName, poolByName } from '../core/configuration.ts';
import { jobDeadline, type RunnerTimes, runnerDeadline } from '../core/deadline.ts';
import { type GitHubName, type HostName, type PoolName, ulid } from '../core/ids.ts';
import type { Order } from '../core/order.ts';
import { makeTraceparent } from '../core/trace.ts';
import { createClaimTokens } from '../flow/claim-token.ts';
import { ownRunnersOf } from '../flow/identity.ts';
import { createMessenger, createWaker, type Wake } from '../flow/messenger/handler.ts';
import { type Notification, notify } from '../flow/notification.ts';
import { createLauncher } from '../flow/orchestrator/launcher.ts';
import { createTerminator } from '../flow/orchestrator/terminator.ts';
import { createClaimDoor } from '../flow/producer/claim.ts';
import { createHostEventDoor } from '../flow/producer/host-event.ts';
import { createMilestoneDoor } from '../flow/producer/milestone.ts';
import { createWebhookDoor } from '../flow/producer/webhook.ts';
import { createPublisher } from '../flow/publisher/handler.ts';
import type { ReconcilerDeps } from '../flow/reconciler/deps.ts';
import { createReconciler, type Reconciler } from '../flow/reconciler/handler.ts';
import type { Step } from '../flow/reconciler/message.ts';
import { plantSweeps } from '../flow/reconciler/sweep.ts';
import type { SightingContext } from '../flow/sighting.ts';
import type { Budgets } from '../ports/budgets.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { GitHub } from '../ports/github.ts';
import type { Host, HostEvent } from '../ports/host.ts';
import type { Change, Deadlines, Deployment, JobsTable } from '../ports/jobs-table.ts';
import type { BatchHandler, Topic } from '../ports/queue.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { publishAgain } from './publish-again.ts';

/** What a station reaches the world through. */
export interface Ports {
  table: JobsTable;
  github: GitHub;
  budgets: Budgets;
  hosts: ReadonlyMap<HostName, Host>;
  publisherTopic: Topic<Notification>;
  jobsTopic: Topic<Order>;
  timer: Topic<Wake>;
  steps: Topic<Step>;
}

/** A station, or a door, made for its ports. */
export type Make<Run> = (ports: Ports) => Run;

export interface PipelineDeps {
  clock: Clock;
  random: Random;
  configuration: Configuration;
  gitHubName: GitHubName;
  deployment: Deployment;
  table: (onChanges: (changes: Change[]) => void, deadlines: Deadlines) => JobsTable;
  github: GitHub;
  budgets: Budgets;
  /** Made when the doors are there, since a host reports to them. */
  hosts: (doors: Pick<Doors, 'hostEvent' | 'claim' | 'milestone'>) => ReadonlyMap<HostName, Host>;
  webhookSecrets: readonly string[];
  /** Where machines claim; `null` where no host needs it. */
  claimUrl: string | null;
  telemetry: Telemetry;
  /** How a station is run: once made, by default. The simulator makes it anew for each call, so that one can crash. */
  station?: <Args extends unknown[], Result>(
    name: string,
    make: Make<(...args: Args) => Promise<Result>>,
    ports: Ports,
  ) => (...args: Args) => Promise<Result>;
  faults?: (queue: string) => QueueFaults<unknown> | undefined;
}

export interface Doors {
  webhook: ReturnType<typeof createWebhookDoor>;
  hostEvent: (host: HostName, event: HostEvent) => Promise<void>;
  claim: ReturnType<typeof createClaimDoor>;
  milestone: ReturnType<typeof createMilestoneDoor>;
}

export interface Pipeline {
  doors: Doors;
  ports: Ports;
  /** Before the first event: each host is told to look at its books, and every regular look is planted. */
  start(): Promise<void>;
  tick(): Promise<void>;
  queues(): readonly InProcessQueue<never>[];
  /** Nothing waits and nothing is at work: only time or an event brings more. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/**
 * A run stops by itself after 6 s, and one that died holds its host up until its messages come back. One that merely
 * stalls may then run beside the next: the ledger's version lets one of them win.
 */
const publisherVisibilityMs = 15_000;
const publisherTimeBudgetMs = 6_000;
const stationVisibilityMs = 60_000;
/** The deadlines of the items heal what is dropped after so many tries. */
const receivesMax = 8;
/** Launches at work at one time: GitHub takes 100 requests at once. */
const launcherConcurrency = 10;
const ordersPerBatch = 10;

/** A job may run five days on a self-hosted runner. [GitHub: Actions limits] */
const jobMsMaxOfGitHub = 5 * 24 * 60 * 60_000;

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { clock, random, configuration, telemetry } = deps;
  const own = ownRunnersOf(deps.deployment.prefix);
  const tokens = createClaimTokens(deps.deployment.claimKey);
  const makeId = () => ulid(clock.now(), random);
  const sighting: SightingContext = {
    github: deps.gitHubName,
    configuration,
    own,
    makeTraceparent: (parent) => makeTraceparent(parent, random),
  };

  // ---- Queues and topics

  const queues: InProcessQueue<never>[] = [];
  const queue = <Body>(
    name: string,
    change: Partial<Parameters<typeof createInProcessQueue<Body>>[0]> = {},
  ) => {
    const faults = deps.faults?.(name) as QueueFaults<Body> | undefined;
    const made = createInProcessQueue<Body>({
      name,
      clock,
      fifo: false,
      visibilityMs: stationVisibilityMs,
      receivesMax,
      batchSizeMax: ordersPerBatch,
      concurrency: 1,
      onHandlerError: (error, failed) =>
        telemetry.log('error', 'a handler failed', { queue: failed.queue, error: String(error) }),
      ...(faults ? { faults } : {}),
      ...change,
    });
    queues.push(made as unknown as InProcessQueue<never>);
    return made;
  };
  const stream = queue<Change>('stream', { batchSizeMax: 100 });
  const notifications = queue<Notification>('publisher', {
    fifo: true,
    visibilityMs: publisherVisibilityMs,
    concurrency: 100,
  });
  const timer = queue<Wake>('timer');
  const steps = queue<Step>('reconciler', { batchSizeMax: 1, concurrency: 4 });
  const asks = queue<Order>('asks', { concurrency: 4 });
  const publisherTopic = createInProcessTopic<Notification>({ name: 'publisher', fifo: true });
  publisherTopic.subscribe(notifications);
  const jobsTopic = createInProcessTopic<Order>({ name: 'jobs', fifo: false });
  jobsTopic.subscribe(asks, { Status: ['ask'] });

  // ---- The table, the doors, the hosts

  const timesOf = (pool: PoolName, host: HostName): RunnerTimes => {
    const settings = poolByName(configuration, pool);
    return {
      ...configuration.timing,
      bootMs: settings?.bootMs ?? configuration.timing.bootMs,
      idleMs: settings?.idleMs ?? configuration.timing.idleMs,
      jobMsMax: settings?.jobMsMax ?? jobMsMaxOfGitHub,
      endGraceMs: hosts.get(host)?.traits.endGraceMs ?? 0,
    };
  };
  const deadlines: Deadlines = {
    ofRunner: (runner) => runnerDeadline(runner, timesOf(runner.pool, runner.host))?.at ?? null,
    ofJob: (job) => jobDeadline(job)?.at ?? null,
  };
  const onChanges = (changes: Change[]) => {
    // In memory: it can't fail but by being full, and then the sweep of uncounted items is what is left.
    stream.publish(changes.map((body) => ({ body }))).catch((error: unknown) => {
      telemetry.log('error', 'changes were not told to the messenger', { error: String(error) });
    });
  };
  const hosts = new Map<HostName, Host>();
  const ports: Ports = {
    table: deps.table(onChanges, deadlines),
    github: deps.github,
    budgets: deps.budgets,
    hosts,
    publisherTopic,
    jobsTopic,
    timer,
    steps,
  };
  const station = <Args extends unknown[], Result>(
    name: string,
    make: Make<(...args: Args) => Promise<Result>>,
  ) => (deps.station ? deps.station(name, make, ports) : make(ports));

  const claimDeps = (at: Ports) => ({
    clock,
    table: at.table,
    github: at.github,
    budgets: at.budgets,
    telemetry,
    tokens,
    own,
    timing: configuration.timing,
  });
  const doors: Doors = {
    webhook: station('producer', ({ table }) =>
      createWebhookDoor({ clock, table, telemetry, sighting, secrets: deps.webhookSecrets }),
    ),
    hostEvent: station('hostEvents', ({ table }) => createHostEventDoor({ clock, table, telemetry, own })),
    claim: station('claim', (at) => createClaimDoor(claimDeps(at))),
    milestone: station('milestones', (at) => createMilestoneDoor(claimDeps(at))),
  };
  for (const [name, host] of deps.hosts(doors)) hosts.set(name, host);

  // ---- Stations on their queues

  const messenger = (at: Ports) => ({ clock, publisherTopic: at.publisherTopic, timer: at.timer, makeId });
  stream.consume(station('messenger', (at) => createMessenger(messenger(at))));
  timer.consume(station('waker', (at) => createWaker(messenger(at))));
  notifications.consume(
    station('publisher', (at) =>
      createPublisher({
        ...at,
        clock,
        random,
        configuration,
        prefix: deps.deployment.prefix,
        own,
        telemetry,
        timeBudgetMs: publisherTimeBudgetMs,
      }),
    ),
  );
  for (const [hostName, host] of hosts) wireHost(hostName, host);
  const reconcilerOf = (at: Ports): Reconciler => createReconciler(reconcilerDeps(at));
  steps.consume(station('reconciler', (at) => reconcilerOf(at).handle));
  asks.consume(station('asks', (at) => reconcilerOf(at).handleAsks));
  const tick = station('tick', (at) => reconcilerOf(at).tick);

  return {
    doors,
    ports,
    async start() {
      for (const { name } of configuration.hosts) {
        await publisherTopic.publish([
          notify({ host: name, items: [], recount: true, hops: 0 }, `start:${name}:${makeId()}`),
        ]);
      }
      await publishAgain(ports, configuration, clock.now(), makeId);
      await plantSweeps(reconcilerDeps(ports));
      await tick();
    },
    tick,
    queues: () => queues,
    async idle() {
      for (let quiet = false; !quiet; ) {
        await Promise.all(queues.map((one) => one.idle()));
        quiet = queues.every((one) => one.depth().waiting + one.depth().inFlight === 0);
      }
    },
    async close() {
      await Promise.all(queues.map((one) => one.close()));
    },
  };

  function reconcilerDeps(at: Ports): ReconcilerDeps {
    return { ...at, clock, random, configuration, sighting, timesOf, telemetry };
  }

  /** Orchestrators of one host; embedded, one for all of its operating systems. */
  function wireHost(hostName: HostName, host: Host): void {
    const launches = queue<Order>(`launch-${hostName}`, { concurrency: launcherConcurrency });
    const endings = queue<Order>(`terminate-${hostName}`, { concurrency: launcherConcurrency });
    jobsTopic.subscribe(launches, { Host: [hostName], Status: ['launch'] });
    jobsTopic.subscribe(endings, { Host: [hostName], Status: ['terminate'] });
    const claimUrl = host.traits.configuration === 'claimed' ? deps.claimUrl : null;
    const common = (at: Ports) => ({
      clock,
      table: at.table,
      github: at.github,
      budgets: at.budgets,
      host: at.hosts.get(hostName) ?? host,
      hostName,
      telemetry,
      timing: configuration.timing,
    });
    const launcher = station(
      `launcher-${hostName}`,
      (at): BatchHandler<Order> =>
        createLauncher({
          ...common(at),
          random,
          prefix: deps.deployment.prefix,
          tokens,
          claimUrl,
          machineOf,
        }),
    );
    launches.consume(launcher);
    endings.consume(
      station(`terminator-${hostName}`, (at): BatchHandler<Order> => createTerminator(common(at))),
    );
  }

  function machineOf(pool: PoolName): { machine: unknown; lifetimeMsMax: number } | null {
    const settings = poolByName(configuration, pool);
    if (!settings || !hostByName(configuration, settings.host)) return null;
    return {
      machine: settings.machine,
      lifetimeMsMax: settings.bootMs + settings.idleMs + settings.jobMsMax,
    };
  }
}
