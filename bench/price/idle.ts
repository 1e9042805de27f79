// A deployment that has nothing to do, for an hour of virtual time: what its minute tick and all that follows from it
// ask AWS for. The shipped pipeline on the DynamoDB adapter, each station with clients of its own, as functions have.

import { createDynamoDbBudgets } from '../../src/adapters/budgets/dynamodb/index.ts';
import { createVirtualClock } from '../../src/adapters/clock/virtual/index.ts';
import { createSeededRandom } from '../../src/adapters/clock/virtual/random.ts';
import { createSimulatedGitHub } from '../../src/adapters/github/simulated/index.ts';
import { createWorld } from '../../src/adapters/github/simulated/world.ts';
import { createSimulatedHost } from '../../src/adapters/hosts/simulated/index.ts';
import { simulatedHostOptions } from '../../src/adapters/hosts/simulated/options.ts';
import { createDynamoDbJobsTable } from '../../src/adapters/jobs-tables/dynamodb/index.ts';
import { createMemoryDynamoDb } from '../../src/adapters/jobs-tables/dynamodb/testing-memory.ts';
import { noTelemetry } from '../../src/adapters/telemetry/none/index.ts';
import { checkConfiguration } from '../../src/config/check.ts';
import { type DeploymentPrefix, gitHubName } from '../../src/core/ids.ts';
import { createPipeline } from '../../src/deployments/pipeline.ts';
import type { Ports } from '../../src/deployments/stations.ts';
import type { Deadlines } from '../../src/ports/jobs-table.ts';
import type { Topic } from '../../src/ports/queue.ts';
import type { Counts } from './usage.ts';

const minuteMs = 60_000;
const minutes = 60;
const messagesPerCall = 10;
const keepMs = 8 * 24 * 60 * minuteMs;

/** Counts of one hour, after one that is not counted. */
export async function countIdleHour(hostsMany: number): Promise<Counts> {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const random = createSeededRandom('idle');
  const store = createMemoryDynamoDb();
  const counter = createCounter();
  const world = createWorld({ clock, random: random.fork('github') });
  world.addOrganisation('acme');
  world.addRepository('acme/app');
  world.install('acme');
  const configuration = configurationOf(hostsMany);
  let stationDeadlines: Deadlines = { ofRunner: () => null, ofJob: () => null };

  const portsOf = (station: string, ports: Ports): Ports => {
    const client = store.client({
      onCall: (call) => counter.called(station, call.operation, call.readUnits, call.writeUnits),
    });
    const options = { client, tableName: 'runs', clock, random: random.fork(station) };
    const sent = <Body>(what: string, topic: Topic<Body>): Topic<Body> => ({
      async publish(messages) {
        for (let i = 0; i < messages.length; i += messagesPerCall) counter.called(station, what);
        await topic.publish(messages);
      },
    });
    return {
      ...ports,
      table: createDynamoDbJobsTable({ ...options, deadlines: stationDeadlines, keepMs }),
      budgets: createDynamoDbBudgets(options),
      publisherTopic: sent('Publish (Publisher Topic)', ports.publisherTopic),
      jobsTopic: sent('Publish (Jobs Topic)', ports.jobsTopic),
      timer: sent('SendMessage (timer)', ports.timer),
      steps: sent('SendMessage (steps)', ports.steps),
    };
  };
  const pipeline = createPipeline({
    clock,
    random: random.fork('pipeline'),
    configuration,
    gitHubName: gitHubName('github.com'),
    deployment: { prefix: 'idle' as DeploymentPrefix, claimKey: Buffer.alloc(32, 1).toString('base64') },
    table(_, deadlines) {
      stationDeadlines = deadlines;
      return createDynamoDbJobsTable({
        client: store.client(),
        tableName: 'runs',
        clock,
        random,
        deadlines,
        keepMs,
      });
    },
    github: createSimulatedGitHub(world),
    budgets: createDynamoDbBudgets({ client: store.client(), tableName: 'runs', clock, random }),
    hosts: () =>
      new Map(
        configuration.hosts.map(({ name, options }) => [
          name,
          createSimulatedHost({
            deployment: 'idle' as DeploymentPrefix,
            options: simulatedHostOptions.parse(options),
            clock,
            random: random.fork(name),
            program: () => ({ end: () => {}, vanish: () => {} }),
            onEvent: async () => {},
          }),
        ]),
      ),
    webhookSecrets: ['a secret of the idle deployment'],
    claimUrl: 'https://runners.example/runners/claim',
    telemetry: noTelemetry,
    station: (name, make, ports) => {
      const station = name.replace(/-.*/, '');
      const handle = make(portsOf(station, ports));
      return (...args) => {
        counter.invoked(station);
        return handle(...args);
      };
    },
  });
  void pipeline.start();
  for (let minute = 0; minute < 2 * minutes; minute += 1) {
    if (minute === minutes) counter.reset();
    void pipeline.tick();
    await clock.advance(minuteMs);
  }
  const counted = counter.result();
  void pipeline.close();
  return counted;
}

function configurationOf(hostsMany: number) {
  const names = Array.from({ length: hostsMany }, (_, i) => `host${i + 1}`);
  const checked = checkConfiguration({
    allow: { owners: ['acme'] },
    hosts: Object.fromEntries(names.map((name) => [name, { type: 'simulated', limit: 20, options: {} }])),
    pools: Object.fromEntries(
      names.map((name) => [
        `p${name}`,
        { host: name, os: 'linux', labels: ['self-hosted', name], limit: 20 },
      ]),
    ),
  });
  if (checked.outcome === 'refused') throw new Error(JSON.stringify(checked.problems));
  return checked.configuration;
}

function createCounter() {
  const invocations = new Map<string, number>();
  const calls = new Map<string, Map<string, number>>();
  let readUnits = 0;
  let writeUnits = 0;
  return {
    invoked: (station: string) => void invocations.set(station, (invocations.get(station) ?? 0) + 1),
    called(station: string, operation: string, reads = 0, writes = 0): void {
      const ofStation = calls.get(station) ?? new Map<string, number>();
      calls.set(station, ofStation.set(operation, (ofStation.get(operation) ?? 0) + 1));
      readUnits += reads;
      writeUnits += writes;
    },
    reset(): void {
      invocations.clear();
      calls.clear();
      readUnits = 0;
      writeUnits = 0;
    },
    result: (): Counts => ({ invocations, calls, readUnits, writeUnits }),
  };
}
