// What GitHub is asked for: per job, and by the clock. Real time for jobs, virtual time for an hour of looks.

import { createMemoryBudgets } from '../src/adapters/budgets/memory/index.ts';
import { createVirtualClock } from '../src/adapters/clock/virtual/index.ts';
import { createSeededRandom } from '../src/adapters/clock/virtual/random.ts';
import { createSimulatedGitHub } from '../src/adapters/github/simulated/index.ts';
import { createWorld } from '../src/adapters/github/simulated/world.ts';
import { createMemoryJobsTable } from '../src/adapters/jobs-tables/memory/index.ts';
import { noTelemetry } from '../src/adapters/telemetry/none/index.ts';
import { gitHubName } from '../src/core/ids.ts';
import { createPipeline } from '../src/deployments/pipeline.ts';
import type { Measure } from './figure.ts';
import { deployment } from './in-process.ts';
import { configurationOf, labels, until, webhookSecret } from './setting.ts';
import { withWholeSystem } from './whole-system.ts';

const jobsMany = 100;
/** Longer than webhooks are late: events of shorter ones arrive in any order, and some are asked about. */
const jobMs = 2_000;
const repositoriesMany = 50;
const hourMs = 3_600_000;

export const measureCalls: Measure = async () => {
  const { perJob, others } = await callsPerJob();
  const share = await shareOfSweeps();
  return [
    {
      figure: `GitHub calls per job (${jobsMany} jobs)`,
      aim: '1.0 + the token; 0 per event, waiting job or busy runner',
      measured: `${perJob.toFixed(2)} registrations; beside them ${others} in all, for token, group and looks by the clock`,
    },
    {
      figure: `looks by the clock, ${repositoriesMany} active repositories, of an hour's 5,000 requests`,
      aim: '≤ 10 % for looks for lost jobs',
      measured: `${(share * 100).toFixed(1)} % in all, lists of runners and deliveries included`,
    },
  ];
};

function callsPerJob(): Promise<{ perJob: number; others: number }> {
  return withWholeSystem({ limit: 50, latencyMs: 0, jobMs }, async ({ world, recorder }) => {
    const run = world.startRun('acme/app', {
      name: 'ci',
      jobs: [{ name: 'matrix', labels, matrix: jobsMany, failFast: false }],
    });
    await until(() => run.status === 'completed' && world.state.runners.size === 0);
    const mints = recorder.counted('github_requests_total', {
      route: 'POST /orgs/{org}/actions/runners/generate-jitconfig',
    });
    return { perJob: mints / jobsMany, others: recorder.counted('github_requests_total') - mints };
  });
}

/** Requests of an installation in the second of two hours without a job, right after each repository had an event. */
async function shareOfSweeps(): Promise<number> {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const random = createSeededRandom(1);
  const asked = new Map<string, number>();
  const answer = (route: string) => {
    asked.set(route, (asked.get(route) ?? 0) + 1);
    return null;
  };
  const world = createWorld({ clock, random, app: { webhookSecret }, faults: { answer } });
  world.addOrganisation('acme');
  for (let i = 0; i < repositoriesMany; i += 1) world.addRepository(`acme/app-${i}`);
  const { id } = world.install('acme');
  const configuration = configurationOf(10);
  const pipeline = createPipeline({
    clock,
    random,
    configuration,
    gitHubName: gitHubName('github.com'),
    deployment,
    table: (onChanges, deadlines) => createMemoryJobsTable({ onChanges, deadlines }),
    github: createSimulatedGitHub(world),
    budgets: createMemoryBudgets(),
    hosts: () => new Map(),
    webhookSecrets: [webhookSecret],
    claimUrl: null,
    telemetry: noTelemetry,
  });
  const touch = async () => {
    for (let i = 0; i < repositoriesMany; i += 1) {
      const repository = `acme/app-${i}`;
      const ref = { repository, isPublic: false, ownedByOrganisation: true, installation: id };
      await pipeline.ports.table.sweepSoon({
        kind: 'queuedJobs',
        subject: repository,
        nextAt: clock.now(),
        lastAt: null,
        touchedAt: clock.now(),
        state: { repository: ref },
      });
    }
  };
  let used = 0;
  const tick = () => {
    void pipeline.tick();
    clock.after(configuration.timing.tickMs, tick);
  };
  await pipeline.start();
  tick();
  for (const isMeasured of [false, true]) {
    await touch();
    asked.clear();
    await clock.advance(hourMs);
    // The App's own requests have a quota of their own.
    const ofInstallation = [...asked].filter(([route]) => !route.includes(' /app'));
    if (isMeasured) used = ofInstallation.reduce((sum, [, count]) => sum + count, 0);
  }
  await pipeline.close();
  return used / world.settings.requestsPerHour;
}
