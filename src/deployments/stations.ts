// What each station is made of, from the ports that it reaches the world through. Whoever runs the stations, one
// process with queues of its own, the simulator, or one function for each, makes them here: so that a station can not
// mean one thing in one place and another elsewhere. One function for each, so that a bundler leaves the others out.

import { createMomentsAround } from '../adapters/calendar/cron.ts';
import {
  type Configuration,
  hostByName,
  type OperatingSystem,
  poolByName,
  poolsOfHost,
} from '../core/configuration.ts';
import { jobDeadline, type RunnerTimes, runnerDeadline } from '../core/deadline.ts';
import { type GitHubName, type HostName, type PoolName, ulid } from '../core/ids.ts';
import type { Order } from '../core/order.ts';
import type { OwnRunner } from '../core/plan/count.ts';
import { createSparesAt } from '../core/spares.ts';
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
import type { Identify } from '../flow/producer/proof.ts';
import { createWebhookDoor } from '../flow/producer/webhook.ts';
import { createPublisher } from '../flow/publisher/handler.ts';
import type { ReconcilerDeps } from '../flow/reconciler/deps.ts';
import {
  createAsks,
  createReconciler,
  createSteps,
  createTick,
  type Reconciler,
} from '../flow/reconciler/handler.ts';
import type { Step } from '../flow/reconciler/message.ts';
import { plantSweeps } from '../flow/reconciler/sweep.ts';
import type { SightingContext } from '../flow/sighting.ts';
import type { Budgets } from '../ports/budgets.ts';
import type { Clock, Random } from '../ports/clock.ts';
import type { GitHub } from '../ports/github.ts';
import type { Host, HostTraits } from '../ports/host.ts';
import type { Deadlines, Deployment, JobsTable } from '../ports/jobs-table.ts';
import type { BatchHandler, Topic } from '../ports/queue.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Tracer } from '../ports/tracer.ts';

/** What is the same for every station of a deployment. */
export interface Context {
  clock: Clock;
  random: Random;
  configuration: Configuration;
  gitHubName: GitHubName;
  deployment: Deployment;
  telemetry: Telemetry;
  /** Without it no trace is kept, and nothing is stored or told for one. */
  tracing?: Tracing;
}

export interface Tracing {
  /** Where the Publisher tells spans; other stations tell none. */
  tracer?: Tracer;
  /** Share of the jobs whose traces are kept, 0 … 1. */
  sampleRatio: number;
}

/** What stations reach the world through; each is given those that it uses. */
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

/** A run stops by itself after this, and leaves the rest to the next. */
export const publisherTimeBudgetMs = 6_000;

/** A job may run five days on a self-hosted runner. [GitHub: Actions limits] */
const jobMsMaxOfGitHub = 5 * 24 * 60 * 60_000;

// ---- Doors

export function makeWebhookDoor(
  context: Context,
  { table }: Pick<Ports, 'table'>,
  secrets: readonly string[],
) {
  const { clock, telemetry } = context;
  return createWebhookDoor({ clock, table, telemetry, sighting: sightingOf(context), secrets });
}

export function makeHostEventDoor(context: Context, { table }: Pick<Ports, 'table'>) {
  const { clock, telemetry } = context;
  return createHostEventDoor({ clock, table, telemetry, own: ownOf(context) });
}

type ClaimPorts = Pick<Ports, 'table' | 'github' | 'budgets'>;

export function makeClaimDoor(context: Context, ports: ClaimPorts, identify?: Identify) {
  const { clock, telemetry, configuration } = context;
  return createClaimDoor({
    ...ports,
    clock,
    telemetry,
    timing: configuration.timing,
    ...proofOf(context),
    identify,
  });
}

export function makeMilestoneDoor(context: Context, ports: Pick<Ports, 'table'>, identify?: Identify) {
  return createMilestoneDoor({ ...ports, clock: context.clock, ...proofOf(context), identify });
}

/** What tells a machine of ours from others that knock. */
function proofOf(context: Context) {
  return { tokens: createClaimTokens(context.deployment.claimKey), own: ownOf(context) };
}

// ---- Messenger and Publisher

export function makeMessenger(
  context: Pick<Context, 'clock' | 'random'>,
  ports: Pick<Ports, 'publisherTopic'>,
) {
  return createMessenger({ ...ports, makeId: idsOf(context) });
}

export function makeWaker({ clock }: Pick<Context, 'clock'>, ports: Pick<Ports, 'publisherTopic' | 'timer'>) {
  return createWaker({ ...ports, clock });
}

export function makePublisher(
  context: Context,
  ports: Pick<Ports, 'table' | 'budgets' | 'jobsTopic' | 'publisherTopic' | 'timer'>,
): BatchHandler<Notification> {
  const { clock, random, configuration, telemetry, deployment } = context;
  return createPublisher({
    ...ports,
    clock,
    random,
    configuration,
    prefix: deployment.prefix,
    own: ownOf(context),
    sparesAt: createSparesAt(createMomentsAround()),
    telemetry,
    ...context.tracing,
    timeBudgetMs: publisherTimeBudgetMs,
  });
}

// ---- Orchestrator

type OrchestratorPorts = Pick<Ports, 'table' | 'github' | 'budgets'> & { host: Host };

export function makeLauncher(
  context: Context,
  ports: OrchestratorPorts,
  hostName: HostName,
  /** Where machines claim; `null` where no host needs it. */
  claimUrl: string | null,
): BatchHandler<Order> {
  const { random, deployment, configuration } = context;
  return createLauncher({
    ...orchestratorDeps(context, ports, hostName),
    random,
    prefix: deployment.prefix,
    tokens: createClaimTokens(deployment.claimKey),
    claimUrl: ports.host.traits.configuration === 'claimed' ? claimUrl : null,
    machineOf: (pool) => machineOf(configuration, pool),
  });
}

export function makeTerminator(
  context: Context,
  ports: OrchestratorPorts,
  hostName: HostName,
): BatchHandler<Order> {
  return createTerminator(orchestratorDeps(context, ports, hostName));
}

function orchestratorDeps(context: Context, ports: OrchestratorPorts, hostName: HostName) {
  const { clock, telemetry, configuration } = context;
  return { ...ports, clock, hostName, telemetry, timing: configuration.timing };
}

function machineOf(configuration: Configuration, pool: PoolName) {
  const settings = poolByName(configuration, pool);
  if (!settings || !hostByName(configuration, settings.host)) return null;
  return {
    machine: settings.machine,
    lifetimeMsMax: settings.bootMs + settings.idleMs + settings.jobMsMax + settings.reuseMs,
  };
}

// ---- Reconciler

export type ReconcilerPorts = Pick<
  Ports,
  'table' | 'github' | 'budgets' | 'hosts' | 'publisherTopic' | 'jobsTopic' | 'steps'
>;

export function makeReconciler(context: Context, ports: ReconcilerPorts): Reconciler {
  return createReconciler(reconcilerDeps(context, ports));
}

export function makeTick(
  context: Pick<Context, 'clock' | 'configuration'>,
  ports: Pick<Ports, 'table' | 'steps'>,
): Reconciler['tick'] {
  return createTick({ ...context, ...ports });
}

export function makeSteps(context: Context, ports: ReconcilerPorts): Reconciler['handle'] {
  return createSteps(reconcilerDeps(context, ports));
}

export function makeAsks(
  context: Context,
  ports: Pick<Ports, 'table' | 'github' | 'budgets'>,
): Reconciler['handleAsks'] {
  return createAsks({ ...context, ...ports, sighting: sightingOf(context) });
}

function reconcilerDeps(context: Context, ports: ReconcilerPorts): ReconcilerDeps {
  const { clock, random, configuration, telemetry } = context;
  return {
    ...ports,
    clock,
    random,
    configuration,
    telemetry,
    sighting: sightingOf(context),
    timesOf: timesOf(configuration, (host) => ports.hosts.get(host)?.traits),
  };
}

/** What no event begins: each host is told to look at its books, and every regular look is planted. */
export async function startDeployment(
  context: Pick<Context, 'clock' | 'random' | 'configuration'>,
  { table, publisherTopic }: Pick<Ports, 'table' | 'publisherTopic'>,
  given: { gitHubAddressesOnly?: boolean } = {},
): Promise<void> {
  const makeId = idsOf(context);
  for (const { name } of context.configuration.hosts) {
    await publisherTopic.publish([
      notify({ host: name, items: [], recount: true, hops: 0 }, `start:${name}:${makeId()}`),
    ]);
  }
  await plantSweeps({ ...context, table }, given);
}

// ---- What they share

/** When somebody has to look at an item again: for the adapter of the table. Traits may come after it was made. */
export function deadlinesOf(
  configuration: Configuration,
  traitsOf: (host: HostName) => HostTraits | undefined,
): Deadlines {
  const times = timesOf(configuration, traitsOf);
  return {
    ofRunner: (runner) => runnerDeadline(runner, times(runner.pool, runner.host))?.at ?? null,
    ofJob: (job) => jobDeadline(job)?.at ?? null,
  };
}

/** The operating systems that a host's pools have: each has queues and an Orchestrator of its own on AWS. */
export function systemsOf(configuration: Configuration, host: HostName): OperatingSystem[] {
  return [...new Set(poolsOfHost(configuration, host).map(({ os }) => os))].sort();
}

function timesOf(
  configuration: Configuration,
  traitsOf: (host: HostName) => HostTraits | undefined,
): (pool: PoolName, host: HostName) => RunnerTimes {
  return (pool, host) => {
    const settings = poolByName(configuration, pool);
    return {
      ...configuration.timing,
      bootMs: settings?.bootMs ?? configuration.timing.bootMs,
      idleMs: settings?.idleMs ?? configuration.timing.idleMs,
      jobMsMax: settings?.jobMsMax ?? jobMsMaxOfGitHub,
      endGraceMs: traitsOf(host)?.endGraceMs ?? 0,
      reuseMs: settings?.reuseMs ?? 0,
    };
  };
}

function sightingOf(context: Context): SightingContext {
  const { configuration, gitHubName, random } = context;
  const ratio = context.tracing?.sampleRatio ?? 0;
  return {
    github: gitHubName,
    configuration,
    own: ownOf(context),
    makeTraceparent: (parent) => makeTraceparent(parent, random, ratio),
  };
}

function ownOf({ deployment }: Context): OwnRunner {
  return ownRunnersOf(deployment.prefix);
}

export function idsOf({ clock, random }: Pick<Context, 'clock' | 'random'>): () => string {
  return () => ulid(clock.now(), random);
}
