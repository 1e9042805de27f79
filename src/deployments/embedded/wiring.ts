// Everything in one process on one machine: this file says what each port is here. The pipeline itself is the same as
// everywhere.
//
//   JobsTable   SQLite, `jobs.sqlite` in the data directory; 202 means on disk
//   Budgets     SQLite, `budgets.sqlite`; losing the last tokens of a crash costs nothing, so it is not synced
//   Topic/Queue in process; they hold nothing that the table does not
//   Host        by the configuration, each loaded by the registry
//   Clock       the system's

import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createSqliteBudgets } from '../../adapters/budgets/sqlite/index.ts';
import { type HostType, hostTypes } from '../../adapters/hosts/index.ts';
import { takeDataDirectory } from '../../adapters/hosts/local/lock.ts';
import type { SimulatedGround, SimulatedProgram } from '../../adapters/hosts/simulated/index.ts';
import { simulatedTraits } from '../../adapters/hosts/simulated/options.ts';
import { createSqliteJobsTable, type SqliteJobsTable } from '../../adapters/jobs-tables/sqlite/index.ts';
import type { Gauge } from '../../adapters/telemetry/prometheus/index.ts';
import { type Configuration, type HostSettings, poolByName } from '../../core/configuration.ts';
import type { GitHubName, HostName } from '../../core/ids.ts';
import type { Clock, Random } from '../../ports/clock.ts';
import type { GitHub } from '../../ports/github.ts';
import type { Host, HostEvent } from '../../ports/host.ts';
import type { Deployment } from '../../ports/jobs-table.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { makeDeployment } from '../make-deployment.ts';
import { createPipeline, type Doors, type Pipeline } from '../pipeline.ts';
import type { Tracing } from '../stations.ts';
import { startTicking } from './ticking.ts';

export interface EmbeddedSettings {
  configuration: Configuration;
  gitHubName: GitHubName;
  github: GitHub;
  webhookSecrets: readonly string[];
  dataDirectory: string;
  /** Where machines reach this process; `null` where none has to. */
  publicUrl: string | null;
  clock: Clock;
  random: Random;
  telemetry: Telemetry;
  tracing?: Tracing | undefined;
  /** What machines of simulated hosts run, and where they are born; such hosts are refused without it. */
  simulated?: { program: SimulatedProgram; ground: SimulatedGround };
}

export interface Embedded {
  readonly deployment: Deployment;
  readonly pipeline: Pipeline;
  readonly table: SqliteJobsTable;
  readonly hosts: ReadonlyMap<HostName, Host>;
  /** Before the port opens: everything that was under way is taken up again. Then the Reconciler ticks. */
  start(): Promise<void>;
  /** For `GET /metrics`, beside what was told: how full the queues are. */
  gauges(): Gauge[];
  /**
   * Handlers at work end; local runners go on, and are adopted at the next start. `whenQuiet` comes between: nothing
   * is ordered any more, and the hosts are still open.
   */
  stop(whenQuiet?: () => Promise<void>): Promise<void>;
}

const jobsFile = 'jobs.sqlite';
const budgetsFile = 'budgets.sqlite';

export async function createEmbedded(settings: EmbeddedSettings): Promise<Embedded> {
  const { configuration, clock, random, telemetry, dataDirectory, publicUrl } = settings;
  const lock = await takeDataDirectory(dataDirectory);
  const deployment = await readDeployment(join(dataDirectory, jobsFile));
  const events = holdEventsUntilOpen();
  const hosts = new Map<HostName, Host & { close(): void }>();
  for (const host of configuration.hosts) {
    hosts.set(
      host.name,
      await openHost(host, settings, deployment, (event) => events.tell(host.name, event)),
    );
  }
  const budgets = openBudgetsFile(join(dataDirectory, budgetsFile));

  let table: SqliteJobsTable | null = null;
  const pipeline = createPipeline({
    clock,
    random,
    configuration,
    gitHubName: settings.gitHubName,
    deployment,
    table: (onChanges, deadlines) => {
      table = createSqliteJobsTable({ database: join(dataDirectory, jobsFile), deadlines, onChanges });
      return table;
    },
    github: settings.github,
    budgets: createSqliteBudgets(budgets),
    hosts: () => hosts,
    webhookSecrets: settings.webhookSecrets,
    claimUrl: publicUrl === null ? null : `${publicUrl}/runners/claim`,
    telemetry,
    ...(settings.tracing && { tracing: settings.tracing }),
  });
  const openTable: SqliteJobsTable = table ?? unreachable('the pipeline has made no table');
  let stopTicking: (() => Promise<void>) | null = null;

  return {
    deployment,
    pipeline,
    table: openTable,
    hosts,
    async start() {
      await events.open(pipeline.doors);
      await pipeline.start();
      stopTicking = startTicking({
        clock,
        tickMs: configuration.timing.tickMs,
        tick: pipeline.tick,
        telemetry,
      });
    },
    gauges: () => depthGauges(pipeline),
    async stop(whenQuiet) {
      await stopTicking?.();
      await pipeline.close();
      await whenQuiet?.();
      for (const host of hosts.values()) host.close();
      openTable.close();
      budgets.close();
      await lock.release();
    },
  };
}

async function openHost(
  host: HostSettings,
  settings: EmbeddedSettings,
  { prefix }: Deployment,
  onEvent: (event: HostEvent) => Promise<void>,
): Promise<Host & { close(): void }> {
  const { clock, random, telemetry, dataDirectory, simulated } = settings;
  const type = host.type as HostType;
  switch (type) {
    case 'local':
      return hostTypes.local.load().then(({ createLocalHost }) =>
        createLocalHost({
          deployment: prefix,
          host: host.name,
          options: hostTypes.local.options.parse(host.options),
          dataDirectory,
          clock,
          onEvent,
          onWarning: (text) => telemetry.log('warn', text, { host: host.name }),
        }),
      );
    case 'ec2':
      throw new Error(ec2Refused(host.name));
    case 'kubernetes': {
      const options = hostTypes.kubernetes.options.parse(host.options);
      const onWarning = (text: string): void => telemetry.log('warn', text, { host: host.name });
      const { createKubernetesHost } = await hostTypes.kubernetes.load();
      const { connectTo } = await import('../../adapters/hosts/kubernetes/connect/index.ts');
      const opened = createKubernetesHost({
        deployment: prefix,
        host: host.name,
        options,
        osOf: (pool) => poolByName(settings.configuration, pool)?.os ?? 'linux',
        connection: connectTo(options.auth, clock),
        clock,
        random,
        onEvent,
        onWarning,
      });
      await opened.demandRights().catch((error: unknown) => {
        opened.close();
        throw error;
      });
      return opened;
    }
    case 'lambda':
      throw new Error(lambdaRefused(host.name));
    case 'microvm':
      throw new Error(microvmRefused(host.name));
    case 'simulated': {
      const options = hostTypes.simulated.options.parse(host.options);
      const { url, token } = options;
      // A park tells nobody of this process what dies there: the host's list does.
      if (url !== undefined && token !== undefined) {
        return hostTypes.simulated.load().then(({ createRemoteSimulatedHost }) => ({
          ...createRemoteSimulatedHost({
            host: host.name,
            deployment: prefix,
            traits: simulatedTraits(options),
            url,
            token,
            clock,
          }),
          close: () => {},
        }));
      }
      if (!simulated) throw new Error(simulatedRefused(host.name));
      return hostTypes.simulated
        .load()
        .then(({ createSimulatedHost }) =>
          createSimulatedHost({ ...simulated, deployment: prefix, options, clock, random, onEvent }),
        );
    }
    default:
      return type satisfies never;
  }
}

function ec2Refused(host: HostName): string {
  return (
    `host ${host} is of type ec2: its launch templates, its network and the events of its machines belong to the ` +
    'deployment on AWS. Deploy there, or take another type, such as local.'
  );
}

function lambdaRefused(host: HostName): string {
  return (
    `host ${host} is of type lambda: its functions, and the events that tell when one has ended, belong to the ` +
    'deployment on AWS. Deploy there, or take another type, such as local.'
  );
}

function microvmRefused(host: HostName): string {
  return (
    `host ${host} is of type microvm: its images belong to the deployment on AWS, which builds them. Deploy there, or ` +
    'take another type, such as local.'
  );
}

function simulatedRefused(host: HostName): string {
  return (
    `host ${host} is of type simulated: its machines exist only in memory and run no job. It is for tests and ` +
    'benchmarks; take another type, such as local.'
  );
}

/**
 * A host that adopts its machines may have ends to tell before there is a door. They are kept until then; if the
 * process dies meanwhile, the host's list, which is read at each start, tells them again.
 */
function holdEventsUntilOpen() {
  let doors: Pick<Doors, 'hostEvent'> | null = null;
  const early: { host: HostName; event: HostEvent }[] = [];
  return {
    async tell(host: HostName, event: HostEvent): Promise<void> {
      if (doors) await doors.hostEvent(host, event);
      else early.push({ host, event });
    },
    async open(opened: Pick<Doors, 'hostEvent'>): Promise<void> {
      doors = opened;
      for (const { host, event } of early.splice(0)) await opened.hostEvent(host, event);
    },
  };
}

/** Who we are, kept in the table: made by chance at the first start. */
async function readDeployment(file: string): Promise<Deployment> {
  const table = createSqliteJobsTable({
    database: file,
    deadlines: { ofJob: () => null, ofRunner: () => null },
    onChanges: () => {},
  });
  try {
    return await table.deployment(makeDeployment);
  } finally {
    table.close();
  }
}

/** Names of accounts are in it, and jobs of other users pass through its folder. */
const ownersOnly = 0o600;

function openBudgetsFile(file: string): DatabaseSync {
  closeSync(openSync(file, 'a', ownersOnly));
  const database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  return database;
}

/** How many messages lie in each queue. What is in the table is measured by the Reconciler, at each tick. */
function depthGauges(pipeline: Pipeline): Gauge[] {
  return pipeline.queues().flatMap((queue) => {
    const { waiting, inFlight, delayed, deadLetters } = queue.depth();
    return Object.entries({ waiting, inFlight, delayed, deadLetters }).map(
      ([state, value]): Gauge => ({ metric: 'queue_messages', labels: { queue: queue.name, state }, value }),
    );
  });
}

function unreachable(what: string): never {
  throw new Error(what);
}
