// A whole system for a test: the embedded deployment, as `make start` runs it, and the simulated GitHub as a server
// beside it; the App's client, signed webhooks and claims go over HTTP, the table is on disk. Time is real and the
// waits of the configuration are short. Nothing sleeps: tests wait for what they want to see, up to a deadline.

import { createHmac, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import { createSeededRandom } from '../../src/adapters/clock/virtual/random.ts';
import { createGitHubApp } from '../../src/adapters/github/app/index.ts';
import {
  type SimulatedGitHub,
  type SimulatedGitHubOptions,
  startSimulatedGitHub,
} from '../../src/adapters/github/simulated/server.ts';
import type { World } from '../../src/adapters/github/simulated/world.ts';
import {
  createSimulatedGround,
  type SimulatedGround,
  type SimulatedObserver,
} from '../../src/adapters/hosts/simulated/index.ts';
import { allTelemetry } from '../../src/adapters/telemetry/all.ts';
import { createRecorder, type Recorder } from '../../src/adapters/telemetry/recorder/index.ts';
import { demandConfiguration } from '../../src/config/check.ts';
import type { ConfigurationInput } from '../../src/config/define-config.ts';
import type { TracingSettings } from '../../src/config/environment.ts';
import type { Configuration } from '../../src/core/configuration.ts';
import { gitHubName, type HostName, type JobKey, jobKey } from '../../src/core/ids.ts';
import type { Job } from '../../src/core/job.ts';
import type { Runner } from '../../src/core/runner.ts';
import { type Running, run } from '../../src/deployments/embedded/run.ts';
import type { GitHub } from '../../src/ports/github.ts';
import type { Telemetry } from '../../src/ports/telemetry.ts';
import { type Pretence, pretendRunner } from './pretend-runner.ts';

export const webhookSecret = 'a webhook secret of sixteen and more';

/** Short, but in the same order as the defaults. */
export const quickTiming = {
  idleSeconds: 0.4,
  tickSeconds: 0.1,
  outboxSeconds: 1,
  uncountedSeconds: 0.5,
  idleBesideJobSeconds: 1,
  askAgainSeconds: 0.5,
  assignedSeconds: 1,
  orphanJobSeconds: 1,
  holdSeconds: 1,
  holdSecondsMax: 5,
  breakerSeconds: 1,
  breakerSecondsMax: 5,
  missingSeconds: 0.5,
  runnerListSeconds: 0.5,
  runnerListIdleSeconds: 2,
  hostListSeconds: 0.5,
  deliveriesSeconds: 0.5,
  queuedJobsSeconds: 0.5,
};

/** What a burst of a test may mint: the limits of GitHub have tests of their own. */
export const plentyOfGitHub = { mintBurst: 100, mintsPerMinute: 60_000, sweepShare: 1 };

const steady = (ms: number) => ({ leastMs: 0, medianMs: ms, p95Ms: ms * 2, mostMs: ms * 4 });

/** A host in memory whose calls, boots and endings take milliseconds. */
export function quickHost(limit: number, options: Record<string, unknown> = {}) {
  return {
    type: 'simulated' as const,
    limit,
    launchBurst: 1_000,
    launchesPerSecond: 1_000,
    options: {
      standby: false,
      endGraceMs: 200,
      listStalenessMs: 0,
      callEffectMs: 100,
      callMs: steady(1),
      bootMs: steady(10),
      endingMs: steady(5),
      eventMs: steady(1),
      deadListedMs: 1_000,
      ...options,
    },
  };
}

export interface SystemOptions {
  configuration: ConfigurationInput;
  /** How machines of simulated hosts behave. */
  pretence?: Partial<Pretence>;
  /** Told of each birth and death of such a machine. */
  observer?: SimulatedObserver;
  gitHub?: Partial<SimulatedGitHubOptions>;
  /** More accounts, repositories and groups than the organisation `acme` with its `app`. */
  setUp?: (world: World) => void;
  /** In front of the App's client. */
  wrapGitHub?: (github: GitHub) => GitHub;
  /** One that was used before. */
  dataDirectory?: string;
  traces?: TracingSettings;
  /** Told beside the recorder. */
  telemetry?: Telemetry;
}

export interface System {
  readonly configuration: Configuration;
  readonly gitHub: SimulatedGitHub;
  readonly world: World;
  readonly ground: SimulatedGround;
  readonly recorder: Recorder;
  readonly dataDirectory: string;
  running(): Running;
  url(): string;
  /** Signed, unless it says otherwise. */
  send(payload: unknown, headers?: Record<string, string>): Promise<{ status: number; body: string }>;
  job(id: number): Promise<Job | null>;
  jobKey(id: number): JobKey;
  /** All that are not gone, of all hosts. */
  runners(): Promise<Runner[]>;
  /** Nothing is left: no machine, no entry at GitHub, no runner in the table. */
  isEmpty(): Promise<boolean>;
  /** A clean stop, and a new start on the same data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

const keys = makeKeys();

function makeKeys(): { publicKey: string; privateKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}

export const appKeys = keys;
export const appId = 4711;

const gitHubOfTests = gitHubName('github.test');

/** A GitHub that is as quick as this machine, and whose limits no test reaches by accident. */
const quickGitHub = {
  pickUp: { minMs: 0, maxMs: 5 },
  deliveryDelay: { minMs: 0, maxMs: 5 },
  requestsPerHour: 10_000_000,
  pointsPerMinute: 10_000_000,
  registrationsPer5Minutes: 10_000_000,
};

export async function startGitHub(
  options: Partial<SimulatedGitHubOptions> = {},
  setUp?: (world: World) => void,
): Promise<SimulatedGitHub> {
  return startSimulatedGitHub({
    clock: createSystemClock(),
    random: createSeededRandom(1),
    publicKey: keys.publicKey,
    ...options,
    app: { id: appId, webhookSecret, ...options.app },
    settings: { ...quickGitHub, ...options.settings },
    setUp(world) {
      world.addOrganisation('acme');
      world.addRepository('acme/app');
      world.install('acme');
      setUp?.(world);
    },
  });
}

export async function startSystem(options: SystemOptions): Promise<System> {
  const clock = createSystemClock();
  const random = createSeededRandom(2);
  const recorder = createRecorder();
  const { configuration } = demandConfiguration({
    github: plentyOfGitHub,
    ...options.configuration,
    timing: { ...quickTiming, ...options.configuration.timing },
  });
  const gitHub = await startGitHub(options.gitHub, options.setUp);
  const ground = createSimulatedGround({ clock, ...(options.observer && { observer: options.observer }) });
  const isOwnDirectory = options.dataDirectory === undefined;
  const dataDirectory = options.dataDirectory ?? mkdtempSync(join(tmpdir(), 'runners-'));

  const client = createGitHubApp({
    appId: String(appId),
    privateKey: keys.privateKey,
    apiUrl: gitHub.url,
    clock,
    random,
    onRequest: ({ route, status }) =>
      recorder.count('github_requests_total', { route, status: String(status) }),
  });
  const start = async (): Promise<Running> => {
    const started = await run({
      configuration,
      gitHubName: gitHubOfTests,
      github: options.wrapGitHub?.(client) ?? client,
      webhookSecrets: [webhookSecret],
      dataDirectory,
      publicUrl: 'http://127.0.0.1:1',
      clock,
      random,
      telemetry: options.telemetry ? allTelemetry([recorder, options.telemetry]) : recorder,
      traces: options.traces ?? null,
      simulated: {
        ground,
        program: pretendRunner({ clock, world: gitHub.world, url: () => system.url(), ...options.pretence }),
      },
      host: '127.0.0.1',
      port: 0,
    });
    gitHub.setWebhookUrl(`${started.server.url}/webhooks/github`);
    return started;
  };

  let running: Running;
  const system: System = {
    configuration,
    gitHub,
    world: gitHub.world,
    ground,
    recorder,
    dataDirectory,
    running: () => running,
    url: () => running.server.url,
    send: (payload, headers = {}) => send(running.server.url, payload, headers),
    job: (id) => running.table.readJob(jobKey(gitHubOfTests, id)),
    jobKey: (id) => jobKey(gitHubOfTests, id),
    async runners() {
      const names: HostName[] = configuration.hosts.map(({ name }) => name);
      return (await Promise.all(names.map((name) => running.table.runnersOfHost(name)))).flat();
    },
    async isEmpty() {
      if (ground.census().alive > 0) return false;
      if ([...gitHub.world.state.runners.values()].some((runner) => runner.phase !== 'gone')) return false;
      return (await system.runners()).length === 0;
    },
    async restart() {
      await running.stop();
      running = await start();
    },
    async close() {
      await running.stop();
      // Their timers, one for the longest life of each, would keep the process of all tests alive.
      for (const machine of ground.all()) ground.die(machine, 'the test is over', true);
      await gitHub.close();
      if (isOwnDirectory) rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
  try {
    running = await start();
  } catch (error) {
    await gitHub.close();
    throw error;
  }
  return system;
}

export function signature(body: string, secret = webhookSecret): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

let deliveries = 0;

async function send(
  url: string,
  payload: unknown,
  headers: Record<string, string>,
): Promise<{ status: number; body: string }> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  deliveries += 1;
  const answer = await fetch(`${url}/webhooks/github`, {
    method: 'POST',
    body,
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'workflow_job',
      'x-github-delivery': `test-${deliveries}`,
      'x-hub-signature-256': signature(body),
      ...headers,
    },
  });
  return { status: answer.status, body: await answer.text() };
}

/** Looked at so often; a look is a few reads in memory. */
const lookMs = 10;

/** Waits for the condition, and fails with what it last saw where it does not come in time. */
export async function until<T>(
  says: string,
  look: () => T | Promise<T>,
  withinMs = 15_000,
): Promise<NonNullable<Exclude<T, false>>> {
  const giveUpAt = performance.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen) return seen as NonNullable<Exclude<T, false>>;
    if (performance.now() > giveUpAt) throw new Error(`waited ${withinMs} ms in vain: ${says}`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** True where it held at every look for so long: for what must not happen. */
export async function holds(forMs: number, look: () => boolean | Promise<boolean>): Promise<boolean> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (!(await look())) return false;
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
  return true;
}
