// A small simulated GitHub for tests: one organisation with a private and a public repository, one user, the App
// installed at both, webhooks collected. Clock and chance are the test's own.

import { generateKeyPairSync } from 'node:crypto';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { OutgoingDelivery } from './deliveries.ts';
import type { AssignedJob, RunnerSession } from './runners.ts';
import { type SimulatedGitHubOptions, startSimulatedGitHub } from './server.ts';
import type { Installation, Job, Runner } from './state.ts';
import type { JobDescription } from './workflow.ts';
import { createWorld, type World, type WorldOptions } from './world.ts';

const atOnce = { minMs: 0, maxMs: 0 };

export interface TestWorld {
  world: World;
  acme: Installation;
  octocat: Installation;
  /** `queued/queued build`: action, status and name of each webhook, in the order they came. */
  hooks: string[];
  payloads: Record<string, unknown>[];
  /** Ids of the new run and its jobs. */
  start(...jobs: JobDescription[]): { run: number; jobs: Job[] };
  /** Registered and connected. */
  connect(name: string, labels?: string[], terms?: { scope?: string; version?: string }): TestRunner;
}

interface TestRunner {
  entry: Runner;
  session: RunnerSession;
  /** What `nextJob` gave, once it did. */
  got: { job: AssignedJob | 'gone' | null };
}

export function createTestWorld(
  clock: Clock,
  random: Random,
  options: Partial<WorldOptions> = {},
): TestWorld {
  const hooks: string[] = [];
  const payloads: Record<string, unknown>[] = [];
  const collect = (delivery: OutgoingDelivery): Promise<{ statusCode: number }> => {
    const payload = JSON.parse(delivery.body());
    hooks.push(`${payload.action}/${payload.workflow_job.status} ${payload.workflow_job.name}`);
    payloads.push(payload);
    return Promise.resolve({ statusCode: 202 });
  };
  const world = createWorld({
    clock,
    random,
    deliver: collect,
    ...options,
    settings: { pickUp: atOnce, deliveryDelay: atOnce, ...options.settings },
  });
  world.addOrganisation('Acme');
  world.addRepository('Acme/App');
  world.addRepository('Acme/Site', { isPublic: true });
  world.addUser('Octocat');
  world.addRepository('Octocat/Hello');
  const acme = world.install('acme');
  const octocat = world.install('octocat');

  return {
    world,
    acme,
    octocat,
    hooks,
    payloads,
    start(...jobs) {
      const run = world.startRun('acme/app', { name: 'CI', jobs });
      return { run: run.id, jobs: run.jobs };
    },
    connect(name, labels = ['linux'], { scope = 'acme', version = '2.336.0' } = {}) {
      const caller = scope.startsWith('octocat') ? octocat : acme;
      const minted = world.api.mint(caller, scope, { name, groupId: 1, labels, workFolder: '_work' });
      if (minted.outcome !== 'done') throw new Error(`not minted: ${JSON.stringify(minted)}`);
      const connected = world.runnerConnect(minted.value.jitConfig, version);
      if (connected.outcome !== 'connected') throw new Error(`not connected: ${connected.reason}`);
      const got: TestRunner['got'] = { job: null };
      void connected.session.nextJob().then((job) => {
        got.job = job;
      });
      return { entry: minted.value.runner, session: connected.session, got };
    },
  };
}

/** Over HTTP, for programs that really run: one organisation with a repository, whose App is called by nobody. */
export async function startTestGitHub(
  clock: Clock,
  random: Random,
  options: Pick<SimulatedGitHubOptions, 'settings'> = { settings: { pickUp: atOnce, deliveryDelay: atOnce } },
) {
  const { publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const gitHub = await startSimulatedGitHub({
    clock,
    random,
    publicKey,
    ...options,
    setUp(world) {
      world.addOrganisation('acme');
      world.addRepository('acme/app');
      world.install('acme');
    },
  });
  const [acme] = gitHub.world.state.installations.values();
  if (!acme) throw new Error('the App is installed nowhere');
  return { gitHub, acme };
}
