// The system on EC2 as a process of its own, so that it can be killed: SQLite below it, GitHub and EC2 over HTTP. What it
// needs comes on standard input; it says its address once it serves.

import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import { createSqliteBudgets } from '../../src/adapters/budgets/sqlite/index.ts';
import { createSystemRandom } from '../../src/adapters/clock/system/random.ts';
import { createGitHubApp } from '../../src/adapters/github/app/index.ts';
import { createEc2Clients } from '../../src/adapters/hosts/ec2/client.ts';
import { standInConfig } from '../../src/adapters/hosts/ec2/testing.ts';
import { createSqliteJobsTable } from '../../src/adapters/jobs-tables/sqlite/index.ts';
import { createMemoryOffers } from '../../src/adapters/offers/memory/index.ts';
import { createRecorder } from '../../src/adapters/telemetry/recorder/index.ts';
import { demandConfiguration } from '../../src/config/check.ts';
import type { ConfigurationInput } from '../../src/config/define-config.ts';
import { startServer } from '../../src/deployments/embedded/server.ts';
import { startTicking } from '../../src/deployments/embedded/ticking.ts';
import { makeDeployment } from '../../src/deployments/make-deployment.ts';
import type { Pipeline } from '../../src/deployments/pipeline.ts';
import type { Ports } from '../../src/deployments/stations.ts';
import { createFastClock, type Pace } from './fast-clock.ts';
import { gitHubOfTests, openOnEc2 } from './wiring.ts';

export interface ProcessSettings {
  pace: Pace;
  configuration: ConfigurationInput;
  folder: string;
  gitHub: { url: string; appId: number; privateKey: string };
  ec2Endpoint: string;
  templates: Record<string, string>;
  /** 0: any; it claims there as long as its machines live, so a next start has the same. */
  port: number;
}

async function serve(settings: ProcessSettings): Promise<string> {
  const clock = createFastClock(settings.pace);
  const random = createSystemRandom();
  const telemetry = createRecorder();
  const { configuration } = demandConfiguration(settings.configuration);
  const database = `${settings.folder}/jobs.sqlite`;
  const before = createSqliteJobsTable({
    database,
    deadlines: { ofJob: () => null, ofRunner: () => null },
    onChanges: () => {},
  });
  const deployment = await before.deployment(makeDeployment);
  before.close();

  let pipeline: Pipeline | null = null;
  const open = (): Pipeline['doors'] => {
    if (pipeline) return pipeline.doors;
    throw new Error('it has not started yet');
  };
  const server = await startServer(
    {
      doors: {
        webhook: (request) => open().webhook(request),
        claim: (body) => open().claim(body),
        milestone: (body) => open().milestone(body),
      },
      telemetry,
      health: () => Promise.resolve(),
      metrics: () => Promise.resolve(''),
    },
    { host: '127.0.0.1', port: settings.port },
  );
  const table = (
    ...[onChanges, deadlines]: Parameters<Parameters<typeof openOnEc2>[0]['table']>
  ): Ports['table'] => createSqliteJobsTable({ database, deadlines, onChanges });
  pipeline = openOnEc2({
    clock,
    random,
    configuration,
    gitHubName: gitHubOfTests,
    deployment,
    telemetry,
    table,
    github: createGitHubApp({
      appId: String(settings.gitHub.appId),
      privateKey: settings.gitHub.privateKey,
      apiUrl: settings.gitHub.url,
      clock,
      random,
    }),
    budgets: createSqliteBudgets(new DatabaseSync(`${settings.folder}/budgets.sqlite`)),
    offers: createMemoryOffers(),
    clients: createEc2Clients({ ...standInConfig, endpoint: settings.ec2Endpoint }),
    templates: settings.templates,
    claimUrl: `${server.url}/runners/claim`,
  });
  await pipeline.start();
  startTicking({ clock, tickMs: configuration.timing.tickMs, tick: pipeline.tick, telemetry });
  return server.url;
}

if (import.meta.main) {
  const url = await serve(JSON.parse(await text(process.stdin)) as ProcessSettings);
  process.stdout.write(`serves at ${url}\n`);
}
