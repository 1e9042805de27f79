// The world around an embedded system, which is quick to start: what proves the world itself.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plentyOfGitHub, quickHost, quickTiming } from '../../../../../test/end-to-end/harness.ts';
import { createSystemClock } from '../../../../adapters/clock/system/index.ts';
import { createSeededRandom } from '../../../../adapters/clock/virtual/random.ts';
import { createGitHubApp } from '../../../../adapters/github/app/index.ts';
import { createRecorder, type Recorder } from '../../../../adapters/telemetry/recorder/index.ts';
import { demandConfiguration } from '../../../../config/check.ts';
import { gitHubName, type HostName, type PoolName } from '../../../../core/ids.ts';
import { type Running, run } from '../../../embedded/run.ts';
import { type EmulatedWorld, startWorld, type WorldOptions } from './world.ts';

export const clock = createSystemClock();
const random = createSeededRandom(3);
export const near = 'near' as HostName;
export const far = 'far' as HostName;
export const small = 'small' as PoolName;
export const lint = 'lint' as PoolName;
export const ready = 'ready' as PoolName;

/** GitHub takes minutes and a day to notice that a machine is lost. */
export const quickLosses = { offlineAfterMs: 200, lostJobAfterMs: 400, offlineEntryLifetimeMs: 1_000 };

interface Whole {
  world: EmulatedWorld;
  running: Running;
  recorder: Recorder;
  close(): Promise<void>;
}

export async function startWhole(
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
