// The world is proven on the embedded system, which is quick to start: whoever deploys to an emulator can rely on it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { plentyOfGitHub, quickHost, quickTiming } from '../../../../../test/end-to-end/harness.ts';
import { createSystemClock } from '../../../../adapters/clock/system/index.ts';
import { createSeededRandom } from '../../../../adapters/clock/virtual/random.ts';
import { createGitHubApp } from '../../../../adapters/github/app/index.ts';
import { createRecorder, type Recorder } from '../../../../adapters/telemetry/recorder/index.ts';
import { demandConfiguration } from '../../../../config/check.ts';
import { gitHubName, type HostName, type PoolName } from '../../../../core/ids.ts';
import { type Running, run } from '../../../embedded/run.ts';
import type { Fate } from './program.ts';
import { type EmulatedWorld, startWorld, type WorldOptions } from './world.ts';

const clock = createSystemClock();
const random = createSeededRandom(3);
const withinMs = 40_000;
const [near, far] = ['near', 'far'] as const;
const [small, lint, ready] = ['small', 'lint', 'ready'] as PoolName[] as [PoolName, PoolName, PoolName];

interface Whole {
  world: EmulatedWorld;
  running: Running;
  recorder: Recorder;
  close(): Promise<void>;
}

async function startWhole(
  options: Partial<WorldOptions> & { spares?: number; bootSeconds?: number } = {},
): Promise<Whole> {
  const { spares = 0, bootSeconds = 60, ...worldOptions } = options;
  let running: Running | null = null;
  // The system takes any free port, so the place is known only when it runs.
  const reach: typeof fetch = (url, init) =>
    fetch(new URL(new URL(String(url)).pathname, running?.server.url), init);
  const world = await startWorld({
    clock,
    random,
    configure: (park) =>
      demandConfiguration({
        github: plentyOfGitHub,
        timing: { ...quickTiming, bootSeconds },
        hosts: { [near]: quickHost(12, park), [far]: quickHost(8, { ...park, standby: spares > 0 }) },
        pools: {
          [small]: { host: near, os: 'linux', labels: ['self-hosted', 'small'], limit: 12 },
          [lint]: { host: near, os: 'linux', labels: ['self-hosted', 'lint'], limit: 4 },
          [ready]: { host: far, os: 'linux', labels: ['self-hosted', 'ready'], limit: 8, spares },
        },
      }).configuration,
    ...worldOptions,
    machines: { fetch: reach, ...worldOptions.machines },
  });
  const dataDirectory = mkdtempSync(join(tmpdir(), 'runners-'));
  const recorder = createRecorder();
  const started = await run({
    configuration: world.configuration,
    gitHubName: gitHubName('github.test'),
    github: createGitHubApp({
      appId: String(world.app.id),
      privateKey: world.app.privateKey,
      apiUrl: world.gitHub.url,
      clock,
      random,
      onRequest: () => {},
    }),
    webhookSecrets: [world.app.webhookSecret],
    dataDirectory,
    publicUrl: 'http://127.0.0.1:1',
    clock,
    random,
    telemetry: recorder,
    host: '127.0.0.1',
    port: 0,
  });
  running = started;
  world.gitHub.setWebhookUrl(`${started.server.url}/webhooks/github`);
  world.tellDeathsTo((host, event) => started.pipeline.doors.hostEvent(host, event));
  return {
    world,
    running: started,
    recorder,
    async close() {
      await started.stop();
      await world.close();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
}

describe('the world around a deployed system', () => {
  test('100 jobs on two hosts of a park: all served, limits exact, nothing left', async () => {
    const { world, running, recorder, close } = await startWhole();
    try {
      const burst = world.enqueue([
        { pool: small, jobs: 50, durationMs: 30 },
        { pool: lint, jobs: 20, durationMs: 30 },
        { pool: ready, jobs: 30, durationMs: 30 },
      ]);
      assert.equal(burst.jobs.length, 100);
      await burst.served(withinMs);
      assert.ok(burst.jobs.every(({ conclusion }) => conclusion === 'success'));
      await world.emptied(withinMs);

      const { limits } = world;
      assert.deepEqual(limits.broken(), []);
      assert.ok(limits.births() >= 100 && limits.births() <= 105, `${limits.births()} machines for 100 jobs`);
      const most = [near, far].map((host) => limits.mostOfHost(host as HostName));
      assert.ok((most[0] ?? 0) > 6 && (most[1] ?? 0) > 4, `the limits were not tried: ${most.join(', ')}`);
      await eventually('no runner is left in the table', async () => {
        const hosts = [near, far] as string[] as HostName[];
        return (
          (await Promise.all(hosts.map((host) => running.table.runnersOfHost(host)))).flat().length === 0
        );
      });
      assert.deepEqual(errorsOf(recorder), []);
    } finally {
      await close();
    }
  });

  test('spares stand by, are put to work, and come back', async () => {
    const { world, close } = await startWhole({ spares: 3 });
    try {
      await world.emptied(withinMs);
      const before = world.limits.births();
      await world.enqueue([{ pool: ready, jobs: 6, durationMs: 30 }]).served(withinMs);
      await world.emptied(withinMs);
      // Three of the six ran on machines that were there.
      assert.equal(before, 3);
      assert.deepEqual(world.limits.broken(), []);
    } finally {
      await close();
    }
  });

  test('machines that misbehave cost no job but the one that dies with its machine, and all are gone in the end', async () => {
    const fates: (Fate | null)[] = ['silent', 'claimAnswerLost', 'neverConnects', 'hangs', 'diesAtWork'];
    const { world, close } = await startWhole({
      bootSeconds: 1,
      machines: { fate: () => fates.shift() ?? null },
      gitHub: { settings: { offlineAfterMs: 200, lostJobAfterMs: 400, offlineEntryLifetimeMs: 1_000 } },
    });
    try {
      const burst = world.enqueue([{ pool: small, jobs: 20, durationMs: 50 }]);
      await burst.served(withinMs);
      await world.emptied(withinMs);
      assert.equal(burst.jobs.filter(({ conclusion }) => conclusion !== 'success').length, 1);
      assert.deepEqual(fates, []);
      assert.deepEqual(world.limits.broken(), []);
    } finally {
      await close();
    }
  });
});

function errorsOf(recorder: Recorder): unknown[] {
  return recorder.logs().filter(({ level }) => level === 'error');
}

async function eventually(says: string, look: () => Promise<boolean>): Promise<void> {
  const giveUpAt = clock.now() + withinMs;
  while (!(await look())) {
    assert.ok(clock.now() < giveUpAt, `waited in vain: ${says}`);
    await clock.sleep(10);
  }
}
