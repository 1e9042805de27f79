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
import type { HostName } from '../core/ids.ts';
import type { Order } from '../core/order.ts';
import type { Wake } from '../flow/messenger/handler.ts';
import type { Notification } from '../flow/notification.ts';
import type { Step } from '../flow/reconciler/message.ts';
import type { Budgets } from '../ports/budgets.ts';
import type { GitHub } from '../ports/github.ts';
import type { Host, HostEvent } from '../ports/host.ts';
import type { Change, Deadlines, JobsTable } from '../ports/jobs-table.ts';
import type { BatchHandler } from '../ports/queue.ts';
import { publishAgain } from './publish-again.ts';
import {
  type Context,
  deadlinesOf,
  idsOf,
  makeClaimDoor,
  makeHostEventDoor,
  makeLauncher,
  makeMessenger,
  makeMilestoneDoor,
  makePublisher,
  makeReconciler,
  makeTerminator,
  makeWaker,
  makeWebhookDoor,
  type Ports,
  startDeployment,
} from './stations.ts';

/** A station, or a door, made for its ports. */
export type Make<Run> = (ports: Ports) => Run;

export interface PipelineDeps extends Context {
  table: (onChanges: (changes: Change[]) => void, deadlines: Deadlines) => JobsTable;
  github: GitHub;
  budgets: Budgets;
  /** Made when the doors are there, since a host reports to them. */
  hosts: (doors: Pick<Doors, 'hostEvent' | 'claim' | 'milestone'>) => ReadonlyMap<HostName, Host>;
  webhookSecrets: readonly string[];
  /** Where machines claim; `null` where no host needs it. */
  claimUrl: string | null;
  /** How a station is run: once made, by default. The simulator makes it anew for each call, so that one can crash. */
  station?: <Args extends unknown[], Result>(
    name: string,
    make: Make<(...args: Args) => Promise<Result>>,
    ports: Ports,
  ) => (...args: Args) => Promise<Result>;
  faults?: (queue: string) => QueueFaults<unknown> | undefined;
}

export interface Doors {
  webhook: ReturnType<typeof makeWebhookDoor>;
  hostEvent: (host: HostName, event: HostEvent) => Promise<void>;
  claim: ReturnType<typeof makeClaimDoor>;
  milestone: ReturnType<typeof makeMilestoneDoor>;
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
const stationVisibilityMs = 60_000;
/** The deadlines of the items heal what is dropped after so many tries. */
const receivesMax = 8;
/** Launches at work at one time: GitHub takes 100 requests at once. */
const launcherConcurrency = 10;
const ordersPerBatch = 10;

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { clock, configuration, telemetry } = deps;
  const makeId = idsOf(deps);

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

  const onChanges = (changes: Change[]) => {
    // In memory: it can't fail but by being full, and then the sweep of uncounted items is what is left.
    stream.publish(changes.map((body) => ({ body }))).catch((error: unknown) => {
      telemetry.log('error', 'changes were not told to the messenger', { error: String(error) });
    });
  };
  const hosts = new Map<HostName, Host>();
  const ports: Ports = {
    table: deps.table(
      onChanges,
      deadlinesOf(configuration, (host) => hosts.get(host)?.traits),
    ),
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

  const doors: Doors = {
    webhook: station('producer', (at) => makeWebhookDoor(deps, at, deps.webhookSecrets)),
    hostEvent: station('hostEvents', (at) => makeHostEventDoor(deps, at)),
    claim: station('claim', (at) => makeClaimDoor(deps, at)),
    milestone: station('milestones', (at) => makeMilestoneDoor(deps, at)),
  };
  for (const [name, host] of deps.hosts(doors)) hosts.set(name, host);

  // ---- Stations on their queues

  stream.consume(station('messenger', (at) => makeMessenger(deps, at)));
  timer.consume(station('waker', (at) => makeWaker(deps, at)));
  notifications.consume(station('publisher', (at) => makePublisher(deps, at)));
  for (const [hostName, host] of hosts) wireHost(hostName, host);
  steps.consume(station('reconciler', (at) => makeReconciler(deps, at).handle));
  asks.consume(station('asks', (at) => makeReconciler(deps, at).handleAsks));
  const tick = station('tick', (at) => makeReconciler(deps, at).tick);

  return {
    doors,
    ports,
    async start() {
      await startDeployment(deps, ports);
      await publishAgain(ports, configuration, clock.now(), makeId);
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

  /** Orchestrators of one host; embedded, one for all of its operating systems. */
  function wireHost(hostName: HostName, host: Host): void {
    const launches = queue<Order>(`launch-${hostName}`, { concurrency: launcherConcurrency });
    const endings = queue<Order>(`terminate-${hostName}`, { concurrency: launcherConcurrency });
    jobsTopic.subscribe(launches, { Host: [hostName], Status: ['launch', 'standBy'] });
    jobsTopic.subscribe(endings, { Host: [hostName], Status: ['terminate'] });
    const at = (ports: Ports) => ({ ...ports, host: ports.hosts.get(hostName) ?? host });
    launches.consume(
      station(
        `launcher-${hostName}`,
        (ports): BatchHandler<Order> => makeLauncher(deps, at(ports), hostName, deps.claimUrl),
      ),
    );
    endings.consume(
      station(
        `terminator-${hostName}`,
        (ports): BatchHandler<Order> => makeTerminator(deps, at(ports), hostName),
      ),
    );
  }
}
