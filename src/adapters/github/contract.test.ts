// The port's contract on every adapter: the App's client over HTTP, as it talks to GitHub, github.com's way and an
// Enterprise Server's, and the simulated one in process. Behind all of them is the same simulated world.

import { generateKeyPairSync } from 'node:crypto';
import { type GitHubFixture, githubContract } from '../../ports/github.contract.ts';
import type { GitHub } from '../../ports/github.ts';
import { createVirtualClock, type VirtualClock } from '../clock/virtual/index.ts';
import { createSeededRandom } from '../clock/virtual/random.ts';
import { createGitHubApp } from './app/index.ts';
import { createSimulatedGitHub } from './simulated/index.ts';
import { startSimulatedGitHub } from './simulated/server.ts';
import {
  createWorld,
  type Faults,
  fullPermissions,
  type World,
  type WorldOptions,
} from './simulated/world.ts';

githubContract('the App over HTTP', () => overHttp(''));
githubContract('the App over HTTP at an Enterprise Server', () => overHttp('/api/v3'));
githubContract('the simulated GitHub in process', inProcess);

const startMs = Date.UTC(2026, 10, 1);
const atOnce = { minMs: 0, maxMs: 0 };
const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});

async function overHttp(prefix: string): Promise<GitHubFixture> {
  const ground = createGround();
  const server = await startSimulatedGitHub({ ...ground.options, publicKey, setUp });
  const github = createGitHubApp({
    appId: String(server.world.app.id),
    privateKey,
    apiUrl: server.url + prefix,
    clock: ground.clock,
    random: createSeededRandom('client'),
    // Virtual time runs on while the sockets do their work, so it says nothing about how long an answer took.
    timeoutMs: 3_600_000,
  });
  return fixtureOf(ground, server.world, github, () => server.close());
}

async function inProcess(): Promise<GitHubFixture> {
  const ground = createGround();
  const world = createWorld(ground.options);
  setUp(world);
  return fixtureOf(ground, world, createSimulatedGitHub(world), async () => {});
}

interface Ground {
  clock: VirtualClock;
  options: Pick<WorldOptions, 'clock' | 'random' | 'settings' | 'faults'>;
  how: Map<'mint' | 'rerun' | 'read', Parameters<GitHubFixture['answers']>[1]>;
}

function createGround(): Ground {
  const clock = createVirtualClock(startMs);
  const how: Ground['how'] = new Map();
  const answer: Faults['answer'] = (route) => {
    const isMint = route.endsWith('/generate-jitconfig');
    const isRead = route.startsWith('GET ');
    const isRerun = /\/rerun(-failed-jobs)?$/.test(route);
    const fault = (isMint && how.get('mint')) || (isRerun && how.get('rerun')) || (isRead && how.get('read'));
    return fault && fault !== 'well' ? fault : null;
  };
  const options = {
    clock,
    random: createSeededRandom('world'),
    settings: { pickUp: atOnce, deliveryDelay: atOnce, dropsIdleRunners: false },
    faults: { answer },
  };
  return { clock, options, how };
}

function setUp(world: World): void {
  world.addOrganisation('Acme');
  world.addRepository('Acme/App');
  world.addRepository('Acme/Site', { isPublic: true });
  world.addRunnerGroup('Acme', 'big');
  world.install('Acme', { permissions: { ...fullPermissions, actions: 'write' } });
  world.addUser('Octocat');
  world.addRepository('Octocat/Hello');
  world.addRepository('Octocat/Hidden');
  world.install('Octocat', { repositories: ['Octocat/Hello'] });
}

function fixtureOf(
  { clock, how }: Ground,
  world: World,
  github: GitHub,
  close: () => Promise<void>,
): GitHubFixture {
  const received: string[] = [];
  let statusCode = 202;
  world.deliverTo(({ guid }) => {
    received.push(guid);
    return Promise.resolve({ statusCode });
  });
  const [acme, octocat] = [...world.state.installations.values()];
  if (!acme || !octocat) throw new Error('the world was not set up');

  return {
    github,
    installations: { acme: acme.id, octocat: octocat.id },
    now: clock.now,
    async pass(ms) {
      await new Promise(setImmediate);
      await clock.advance(ms);
    },
    startRun(repository, jobs) {
      const run = world.startRun(repository, { name: 'CI', jobs: jobs.map((job) => ({ ...job })) });
      return { run: run.id, jobs: run.jobs.map((job) => job.id) };
    },
    cancelJob: world.cancelJob,
    connect(jitConfig, version) {
      const connected = world.runnerConnect(jitConfig, version);
      if (connected.outcome !== 'connected') throw new Error(`not connected: ${connected.reason}`);
      const { session } = connected;
      return {
        async takeJob() {
          const job = await session.nextJob();
          if (job === 'gone') throw new Error('the runner has no registration any more');
          return job.id;
        },
        finish: (conclusion = 'success') => session.finish(conclusion),
      };
    },
    setInstallation: world.setInstallation,
    withdrawPermissions(id) {
      const installation = world.state.installations.get(id);
      if (!installation) throw new Error(`no installation ${id}`);
      installation.permissions = { metadata: 'read', actions: 'read' };
    },
    answers(of, kind) {
      how.set(of, kind);
    },
    receiverAnswers(code) {
      statusCode = code;
    },
    received: () => received,
    close,
  };
}
