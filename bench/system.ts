// The system under load, in a process of its own so that its processor time and memory are its own: everything as
// `make start` runs it, with a simulated host. Told what to do, and asked, by messages of its parent.

import { argv, memoryUsage } from 'node:process';
import { createSystemClock } from '../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../src/adapters/clock/system/random.ts';
import { createGitHubApp } from '../src/adapters/github/app/index.ts';
import { createSimulatedGround, type SimulatedMachine } from '../src/adapters/hosts/simulated/index.ts';
import { createConsole } from '../src/adapters/telemetry/console/index.ts';
import { noTelemetry } from '../src/adapters/telemetry/none/index.ts';
import { gitHubName } from '../src/core/ids.ts';
import { run } from '../src/deployments/embedded/run.ts';
import { configurationOf, webhookSecret } from './setting.ts';

export interface SystemTerms {
  gitHubUrl: string;
  privateKey: string;
  dataDirectory: string;
  limit: number;
  /** What is told while it works; metrics alone, where it is left out. */
  told?: { metrics: boolean; tracesTo: string; sampleRatio: number };
}

export type ToSystem = { kind: 'end'; runners: readonly string[] } | { kind: 'usage' } | { kind: 'stop' };
export type FromSystem =
  | { kind: 'ready'; url: string; sinceStartMs: number; residentBytes: number }
  /** Machines that have booted. */
  | { kind: 'up'; runners: readonly string[] }
  | { kind: 'usage'; cpuMs: number; residentBytes: number };

/** Messages between the processes go in groups, as they would else be what is measured. */
export const groupMs = 5;

if (import.meta.main) await main(JSON.parse(argv[2] ?? '{}') as SystemTerms);

async function main({ gitHubUrl, privateKey, dataDirectory, limit, told }: SystemTerms): Promise<void> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const machines = new Map<string, SimulatedMachine>();
  const up: string[] = [];
  const running = await run({
    configuration: configurationOf(limit, { options: { configuration: 'handedOver', endGraceMs: 10_000 } }),
    gitHubName: gitHubName('github.com'),
    github: createGitHubApp({ appId: '1', privateKey, apiUrl: gitHubUrl, clock, random }),
    webhookSecrets: [webhookSecret],
    dataDirectory,
    publicUrl: null,
    clock,
    random,
    telemetry: createConsole({ clock, level: 'warn', format: 'json', output: process.stderr }),
    traces: told?.sampleRatio
      ? { endpoint: told.tracesTo, headers: {}, sampleRatio: told.sampleRatio }
      : null,
    ...(told?.metrics === false && { prometheus: { ...noTelemetry, text: () => '' } }),
    simulated: {
      ground: createSimulatedGround({ clock }),
      program: (machine) => {
        machines.set(machine.name, machine);
        up.push(machine.name);
        if (up.length === 1) setTimeout(() => tell({ kind: 'up', runners: up.splice(0) }), groupMs);
        return { vanish: () => {} };
      },
    },
    host: '127.0.0.1',
    port: 0,
  });
  process.on('message', (message: ToSystem) => {
    switch (message.kind) {
      case 'end':
        for (const name of message.runners) {
          machines.get(name)?.end('its job has ended');
          machines.delete(name);
        }
        return;
      case 'usage': {
        const { user, system } = process.cpuUsage();
        return tell({ kind: 'usage', cpuMs: (user + system) / 1000, residentBytes: memoryUsage.rss() });
      }
      case 'stop':
        void running.stop().then(() => process.exit(0));
        return;
      default:
        message satisfies never;
    }
  });
  tell({
    kind: 'ready',
    url: running.server.url,
    sinceStartMs: performance.now(),
    residentBytes: memoryUsage.rss(),
  });
}

function tell(message: FromSystem): void {
  process.send?.(message);
}
