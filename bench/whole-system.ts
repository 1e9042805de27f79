// The embedded system beside the simulated GitHub, both over HTTP in this process: where GitHub's own behaviour is part
// of what is measured, and the processor is not.

import { createSystemClock } from '../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../src/adapters/clock/system/random.ts';
import { createGitHubApp } from '../src/adapters/github/app/index.ts';
import { startSimulatedGitHub } from '../src/adapters/github/simulated/server.ts';
import type { World } from '../src/adapters/github/simulated/world.ts';
import { createSimulatedGround, type SimulatedGround } from '../src/adapters/hosts/simulated/index.ts';
import { createRecorder, type Recorder } from '../src/adapters/telemetry/recorder/index.ts';
import { gitHubName } from '../src/core/ids.ts';
import { run } from '../src/deployments/embedded/run.ts';
import { configurationOf, inFolder, makeKeys, webhookSecret } from './setting.ts';

export interface WholeSystem {
  world: World;
  ground: SimulatedGround;
  recorder: Recorder;
}

const appId = 1;

export function withWholeSystem<T>(
  terms: { limit: number; latencyMs: number; timing?: object; jobMs?: number },
  work: (system: WholeSystem) => Promise<T>,
): Promise<T> {
  return inFolder(async (dataDirectory) => {
    const clock = createSystemClock();
    const random = createSystemRandom();
    const recorder = createRecorder();
    const keys = makeKeys();
    const gitHub = await startSimulatedGitHub({
      clock,
      random,
      publicKey: keys.publicKey,
      app: { id: appId, webhookSecret },
      latencyMs: terms.latencyMs,
      setUp(world) {
        world.addOrganisation('acme');
        world.addRepository('acme/app');
        world.install('acme');
      },
    });
    const { world } = gitHub;
    const ground = createSimulatedGround({ clock });
    const running = await run({
      configuration: configurationOf(terms.limit, {
        options: { configuration: 'handedOver' },
        github: {},
        ...(terms.timing && { timing: terms.timing }),
      }),
      gitHubName: gitHubName('github.com'),
      github: createGitHubApp({
        appId: String(appId),
        privateKey: keys.privateKey,
        apiUrl: gitHub.url,
        clock,
        random,
        onRequest: ({ route, status }) =>
          recorder.count('github_requests_total', { route, status: String(status) }),
      }),
      webhookSecrets: [webhookSecret],
      dataDirectory,
      publicUrl: null,
      clock,
      random,
      telemetry: recorder,
      simulated: {
        ground,
        program: (machine) => {
          const { configuration } = machine;
          if (configuration.kind !== 'handedOver') throw new Error('it was handed no configuration');
          const connected = world.runnerConnect(
            configuration.jitConfig,
            terms.jobMs === undefined ? '2.300.0' : '2.336.0',
          );
          if (connected.outcome === 'refused') throw new Error(connected.reason);
          const { session } = connected;
          void session.nextJob().then(async (job) => {
            if (job !== 'gone') await clock.sleep(terms.jobMs ?? 0);
            if (job !== 'gone') session.finish('success');
            machine.end(job === 'gone' ? 'its registration is gone' : 'its job has ended');
          });
          return { vanish: () => session.vanish() };
        },
      },
      host: '127.0.0.1',
      port: 0,
    });
    gitHub.setWebhookUrl(`${running.server.url}/webhooks/github`);
    try {
      return await work({ world, ground, recorder });
    } finally {
      await running.stop();
      await gitHub.close();
    }
  });
}
