// Whole jobs through the pipeline on DynamoDB, on virtual time, to count what they ask AWS for. Each station has
// clients and adapters of its own, as functions have: what one knows, the others do not. Calls of the SDK are counted,
// one for each; a Topic or Queue takes ten messages a call. What Lambda's mappings do by themselves is not counted.

import { createDynamoDbBudgets } from '../../adapters/budgets/dynamodb/index.ts';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createSeededRandom } from '../../adapters/clock/virtual/random.ts';
import { createSimulatedGitHub } from '../../adapters/github/simulated/index.ts';
import { createWorld, type World } from '../../adapters/github/simulated/world.ts';
import {
  createSimulatedGround,
  createSimulatedHost,
  type SimulatedMachine,
} from '../../adapters/hosts/simulated/index.ts';
import { simulatedHostOptions } from '../../adapters/hosts/simulated/options.ts';
import { calmWindowSeconds, changesOf } from '../../adapters/jobs-tables/dynamodb/changes.ts';
import { createDynamoDbJobsTable } from '../../adapters/jobs-tables/dynamodb/index.ts';
import {
  createMemoryDynamoDb,
  type MemoryRecord,
} from '../../adapters/jobs-tables/dynamodb/testing-memory.ts';
import { noTelemetry } from '../../adapters/telemetry/none/index.ts';
import { checkConfiguration } from '../../config/check.ts';
import type { Configuration } from '../../core/configuration.ts';
import { type DeploymentPrefix, gitHubName, type HostName } from '../../core/ids.ts';
import type { Answer } from '../../flow/producer/answer.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Change, Deadlines } from '../../ports/jobs-table.ts';
import type { Topic } from '../../ports/queue.ts';
import { createPipeline, type Pipeline } from '../pipeline.ts';
import { createEventLog } from '../simulator/event-log.ts';
import { createProgram } from '../simulator/machines.ts';
import type { Ports } from '../stations.ts';

export interface CallsTerms {
  /** Jobs that are queued at once, spread over the hosts. */
  jobs: number;
  hosts: number;
  /** Machines of each host. */
  limit: number;
  jobMs: number;
  /** Registrations that GitHub grants at once, and each minute; its own limits by default. */
  mints?: { mintBurst: number; mintsPerMinute: number };
  /** Each machine sends its four notes. */
  milestones: boolean;
  /** How long a message is on its way from one function to the next; nothing, where it is left out. */
  hopMs?: (random: () => number) => number;
}

export interface Counted {
  /** By station and operation, in all. */
  calls: ReadonlyMap<string, ReadonlyMap<string, number>>;
  total: number;
  /** Runs of each station. */
  invocations: ReadonlyMap<string, number>;
  readUnits: number;
  writeUnits: number;
  /** From the arrival of a job's first webhook until the host is called for it, of each launch in its order. */
  launchedAfterMs: readonly number[];
}

const deployment = {
  prefix: 'calls' as DeploymentPrefix,
  claimKey: Buffer.alloc(32, 1).toString('base64'),
};

/** Half before, half after the instant at which DynamoDB does it. [DynamoDB: single-digit milliseconds] */
const tableMs: Readonly<Record<string, number>> = { TransactWriteItems: 8, BatchGetItem: 3 };
const tableMsDefault = 2;
const sendMs = 15;
const messagesPerCall = 10;
/** Of a table on demand that is new. [DynamoDB: on-demand capacity mode] */
const shards = 4;
const pollMs = 250;
const startMs = Date.UTC(2026, 0, 1);
/** A claim that nobody answers is a fault of the test. */
const endsAfterMs = 3 * 60 * 60_000;

/** What the jobs took, from the first webhook until the last machine was counted as gone. */
export async function countCalls(terms: CallsTerms): Promise<Counted> {
  const clock = createVirtualClock(startMs);
  const random = createSeededRandom('calls');
  const hops = random.fork('hops');
  const configuration = configurationOf(terms);
  const counter = createCounter();
  let tell: (changes: Change[]) => void = () => {};
  const stream = createStream(clock, (changes) => tell(changes));
  const store = createMemoryDynamoDb({ onRecords: stream });

  // ---- Each station with its own

  const portsOf = (name: string, ports: Ports, deadlines: Deadlines): Ports => {
    const client = store.client({
      onCall: (call) => counter.count(name, call.operation, call.readUnits, call.writeUnits),
      delay: (operation) => clock.sleep(tableMs[operation] ?? tableMsDefault),
    });
    const options = { client, tableName: 'runs', clock, random: random.fork(name) };
    const sent = <Body>(what: string, topic: Topic<Body>): Topic<Body> => ({
      async publish(messages) {
        for (let i = 0; i < messages.length; i += messagesPerCall) counter.count(name, what);
        await clock.sleep(sendMs);
        await topic.publish(messages);
      },
    });
    return {
      ...ports,
      table: createDynamoDbJobsTable({ ...options, deadlines, keepMs: 8 * 24 * 60 * 60_000 }),
      budgets: createDynamoDbBudgets(options),
      publisherTopic: sent('Publish (Publisher Topic)', ports.publisherTopic),
      jobsTopic: sent('Publish (Jobs Topic)', ports.jobsTopic),
      timer: sent('SendMessage (timer)', ports.timer),
      steps: sent('SendMessage (steps)', ports.steps),
    };
  };

  // ---- GitHub, which tells by webhook, and the machines

  let pipeline: Pipeline | null = null;
  let firstWebhookAt: number | null = null;
  const launchedAfterMs: number[] = [];
  const notes = createNotes(clock, () => pipeline);
  const world = createWorld({
    clock,
    random: random.fork('github'),
    ...(terms.mints && { settings: { pointsPerMinute: Number.MAX_SAFE_INTEGER } }),
    watch: {
      job(job) {
        if (terms.milestones && job.status !== 'queued' && job.runner)
          notes.say(job.runner.name, job.status === 'completed' ? 'jobEnded' : 'jobStarted');
      },
    },
    deliver: async (delivery) => {
      firstWebhookAt ??= clock.now();
      const headers = delivery.headers();
      const answer = await pipeline?.doors.webhook({
        signature: headers['x-hub-signature-256'] ?? null,
        event: headers['x-github-event'] ?? null,
        delivery: delivery.guid,
        body: Buffer.from(delivery.body()),
      });
      return { statusCode: answer?.status ?? 503 };
    },
  });
  world.addOrganisation('acme');
  world.addRepository('acme/app');
  world.install('acme');

  let stationDeadlines: Deadlines = { ofRunner: () => null, ofJob: () => null };
  let living = 0;
  pipeline = createPipeline({
    clock,
    random: random.fork('pipeline'),
    configuration,
    gitHubName: gitHubName('github.com'),
    deployment,
    table(onChanges, deadlines) {
      tell = onChanges;
      stationDeadlines = deadlines;
      return portsOf('start', {} as Ports, deadlines).table;
    },
    github: createSimulatedGitHub(world),
    budgets: createDynamoDbBudgets({ client: store.client(), tableName: 'runs', clock, random }),
    hosts: (doors) => {
      const claim = async (body: unknown): Promise<Answer> => {
        if (terms.milestones) await notes.booted(body);
        const answer = await doors.claim(body);
        if (terms.milestones && answer.status === 200) await notes.registered(body);
        return answer;
      };
      const ground = createSimulatedGround({
        clock,
        observer: {
          born() {
            living += 1;
          },
          died() {
            living -= 1;
          },
          activated() {},
        },
      });
      return new Map(
        configuration.hosts.map(({ name, options }) => {
          const host = createSimulatedHost({
            deployment: deployment.prefix,
            options: simulatedHostOptions.parse(options),
            clock,
            random: random.fork(`host ${name}`),
            ground,
            program: programOf(clock, random.fork(`machines ${name}`), world, claim),
            onEvent: (event) => doors.hostEvent(name, event),
          });
          const launch: typeof host.launch = (request) => {
            launchedAfterMs.push(clock.now() - (firstWebhookAt ?? clock.now()));
            return host.launch(request);
          };
          return [name, { ...host, launch }];
        }),
      );
    },
    webhookSecrets: [world.app.webhookSecret],
    claimUrl: 'https://runners.example/runners/claim',
    telemetry: noTelemetry,
    faults: () => ({ onPublish: () => [{ delayMs: terms.hopMs?.(hops) ?? 0 }] }),
    station: (name, make, ports) => {
      const handle = make(portsOf(stationOf(name), ports, stationDeadlines));
      return (...args) => {
        counter.invoked(stationOf(name));
        return handle(...args);
      };
    },
  });

  // ---- A deployment that is there, then the jobs

  const settled = async (isDone: () => boolean) => {
    for (const endsAt = clock.now() + endsAfterMs; clock.now() < endsAt; ) {
      if (isDone() && isQuiet()) return;
      await clock.advance(100);
    }
    throw new Error('the jobs did not come to their end');
  };
  const running = pipeline;
  const isQuiet = () =>
    running.queues().every((queue) => queue.depth().waiting + queue.depth().inFlight === 0);
  void running.start();
  await clock.advance(60_000);
  counter.reset();
  const run = world.startRun('acme/app', {
    name: 'ci',
    jobs: configuration.pools.map((pool, i) => ({
      name: `of ${pool.name}`,
      labels: pool.labels,
      matrix: Math.floor((terms.jobs + terms.hosts - 1 - i) / terms.hosts),
      failFast: false,
      durationMs: terms.jobMs,
    })),
  });
  await settled(() => run.status === 'completed' && living === 0 && isIdle(store.items));
  const counted = { ...counter.result(), launchedAfterMs };
  void running.close();
  return counted;
}

/** Nothing is counted as alive, and nothing is left to count. */
function isIdle(items: ReadonlyMap<string, Record<string, unknown>>): boolean {
  return [...items.values()].every((item) => item['alive'] === undefined && item['dirty'] === undefined);
}

function stationOf(name: string): string {
  return name.replace(/-.*/, '');
}

function configurationOf({ hosts, limit, mints }: CallsTerms): Configuration {
  const names = Array.from({ length: hosts }, (_, i) => `host${i + 1}` as HostName);
  const checked = checkConfiguration({
    allow: { owners: ['acme'] },
    ...(mints && { github: mints }),
    hosts: Object.fromEntries(
      names.map((name) => [
        name,
        {
          type: 'simulated',
          limit,
          options: {
            standby: false,
            callMs: { leastMs: 100, medianMs: 300, p95Ms: 1_000, mostMs: 3_000 },
            bootMs: { leastMs: 8_000, medianMs: 20_000, p95Ms: 40_000, mostMs: 60_000 },
          },
        },
      ]),
    ),
    pools: Object.fromEntries(
      names.map((name) => [`p${name}`, { host: name, os: 'linux', labels: ['self-hosted', name], limit }]),
    ),
  });
  if (checked.outcome === 'refused') throw new Error(JSON.stringify(checked.problems));
  return checked.configuration;
}

/**
 * Two mappings read the table's stream, as Lambda allows for a shard: one what should be counted at once, four times a
 * second; the other what is calm, which it gathers for a moment. Each calls the Messenger for each shard.
 * [AWS: Using Lambda with DynamoDB, polling and batching streams]
 */
function createStream(clock: Clock, tell: (changes: Change[]) => void) {
  const gathered = new Map<string, Change[]>();
  return (records: readonly MemoryRecord[]): void => {
    for (const record of records) {
      const changes = changesOf(record);
      const image = record.dynamodb.NewImage;
      if (changes.length === 0) continue;
      const isCalm = image?.['calm'] !== undefined;
      const pk = image?.['pk']?.S ?? '';
      const shard = [...pk].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % shards;
      const reader = `${isCalm ? 'calm' : 'prompt'} ${shard}`;
      const waiting = gathered.get(reader);
      if (waiting) {
        waiting.push(...changes);
        continue;
      }
      gathered.set(reader, [...changes]);
      clock.after(isCalm ? calmWindowSeconds * 1_000 : pollMs, () => {
        const all = gathered.get(reader) ?? [];
        gathered.delete(reader);
        tell(all);
      });
    }
  };
}

/** What a machine tells by the fourth door. */
function createNotes(clock: Clock, pipeline: () => Pipeline | null) {
  const proofs = new Map<string, Record<string, unknown>>();
  const send = async (proof: Record<string, unknown> | undefined, milestone: string) => {
    if (proof) await pipeline()?.doors.milestone({ ...proof, milestone });
  };
  return {
    async booted(body: unknown) {
      const proof = body as Record<string, unknown>;
      proofs.set(String(proof['runner']), proof);
      await send(proof, 'booted');
    },
    registered: (body: unknown) => send(body as Record<string, unknown>, 'registered'),
    say: (runner: string, milestone: string) =>
      void clock.after(50, () => void send(proofs.get(runner), milestone)),
  };
}

function programOf(
  clock: Clock,
  random: ReturnType<typeof createSeededRandom>,
  world: World,
  claim: (body: unknown) => Promise<Answer>,
) {
  const never = {
    happens: () => false,
    random: () => random,
    rate: () => 0,
    stop: () => {},
    injected: () => new Map(),
  };
  const program = createProgram({
    clock,
    random,
    mischief: never,
    world,
    log: createEventLog(clock.now),
    claim,
  });
  return (machine: SimulatedMachine) => program(machine);
}

function createCounter() {
  const calls = new Map<string, Map<string, number>>();
  const invocations = new Map<string, number>();
  let readUnits = 0;
  let writeUnits = 0;
  return {
    count(station: string, operation: string, reads = 0, writes = 0): void {
      const ofStation = calls.get(station) ?? new Map<string, number>();
      ofStation.set(operation, (ofStation.get(operation) ?? 0) + 1);
      calls.set(station, ofStation);
      readUnits += reads;
      writeUnits += writes;
    },
    invoked(station: string): void {
      invocations.set(station, (invocations.get(station) ?? 0) + 1);
    },
    reset(): void {
      calls.clear();
      invocations.clear();
      readUnits = 0;
      writeUnits = 0;
    },
    result() {
      const total = [...calls.values()].reduce(
        (sum, ofStation) => sum + [...ofStation.values()].reduce((part, count) => part + count, 0),
        0,
      );
      return { calls, total, invocations, readUnits, writeUnits };
    },
  };
}
