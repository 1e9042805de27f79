// One plan and its commit while few jobs wait, and while very many do: work follows what happens, not what waits.
// SQLite on disk. Compared within one run, so that the machine's speed of the day plays no part.

import { join } from 'node:path';
import { createMemoryBudgets } from '../src/adapters/budgets/memory/index.ts';
import { createSystemClock } from '../src/adapters/clock/system/index.ts';
import { createSystemRandom } from '../src/adapters/clock/system/random.ts';
import { createSqliteJobsTable, type SqliteJobsTable } from '../src/adapters/jobs-tables/sqlite/index.ts';
import { noTelemetry } from '../src/adapters/telemetry/none/index.ts';
import { jobDeadline, runnerDeadline } from '../src/core/deadline.ts';
import { gitHubName, type HostName, jobKey, type RunnerName } from '../src/core/ids.ts';
import type { Runner } from '../src/core/runner.ts';
import { makeTraceparent } from '../src/core/trace.ts';
import { ownRunnersOf } from '../src/flow/identity.ts';
import type { Notification } from '../src/flow/notification.ts';
import { createPublisher } from '../src/flow/publisher/handler.ts';
import { type SightingContext, sightingOf } from '../src/flow/sighting.ts';
import { jobOfWebhook } from '../src/ports/job-report.ts';
import type { ItemKey } from '../src/ports/jobs-table.ts';
import { type Measure, median, shownMs } from './figure.ts';
import { deployment } from './in-process.ts';
import { configurationOf, type Event, inFolder, webhookBody } from './setting.ts';

const backlogs = [100, 10_000, 100_000];
const limit = 20;
const samples = 200;
const itemsAtOnce = 100;

export const measureBacklog: Measure = () =>
  inFolder(async (folder) => {
    const backlog = await createBacklog(join(folder, 'jobs.sqlite'));
    const medians: number[] = [];
    for (const count of backlogs) {
      await backlog.growTo(count);
      medians.push(median(await backlog.lives(samples)));
    }
    backlog.close();
    const [first = 1] = medians;
    const last = medians.at(-1) ?? 0;
    return [
      {
        figure: `one plan and commit with ${backlogs.map((count) => count.toLocaleString('en')).join(', ')} jobs waiting`,
        aim: 'level within 1.5×',
        measured: `${medians.map(shownMs).join(', ')}: ${(last / first).toFixed(2)}×`,
      },
    ];
  });

export interface Backlog {
  /** Until so many jobs wait. */
  growTo(count: number): Promise<void>;
  /** So many times a job ends, its runner goes, and the place is given to the next: how long each plan took. */
  lives(count: number): Promise<number[]>;
  close(): void;
}

export async function createBacklog(file: string): Promise<Backlog> {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const configuration = configurationOf(limit);
  const own = ownRunnersOf(deployment.prefix);
  const sighting: SightingContext = {
    github: gitHubName('github.com'),
    configuration,
    own,
    makeTraceparent: (parent) => makeTraceparent(parent, random),
  };
  const times = { ...configuration.timing, jobMsMax: 3_600_000, endGraceMs: 10_000, reuseMs: 0 };
  const table: SqliteJobsTable = createSqliteJobsTable({
    database: file,
    onChanges: () => {},
    deadlines: {
      ofRunner: (runner) => runnerDeadline(runner, times)?.at ?? null,
      ofJob: (job) => jobDeadline(job)?.at ?? null,
    },
  });
  await table.deployment(() => deployment);
  const nowhere = { publish: async () => {} };
  const publish = createPublisher({
    sparesAt: ({ spares }) => ({ spares, until: null }),
    clock,
    random,
    table,
    budgets: createMemoryBudgets(),
    configuration,
    prefix: deployment.prefix,
    own,
    jobsTopic: nowhere,
    publisherTopic: nowhere,
    timer: nowhere,
    telemetry: noTelemetry,
    timeBudgetMs: 60_000,
  });
  const host = 'here' as HostName;
  let made = 0;

  const record = async (event: Event) => {
    const { report } = jobOfWebhook(JSON.parse(webhookBody(event).toString()));
    const seen = report && sightingOf(report, sighting);
    if (!seen) throw new Error(`job ${event.id} is none of ours`);
    await table.recordJob(seen.key, [{ kind: 'seen', sighting: seen, by: 'webhook' }], clock.now());
  };
  const notify = async (items: readonly ItemKey[]) => {
    const body: Notification = { host, items, recount: false, hops: 0 };
    await publish([{ id: 'one', body, receiveCount: 1 }]);
  };
  const job = (id: number): ItemKey => ({ kind: 'job', key: jobKey(sighting.github, id) });
  const runner = (name: RunnerName): ItemKey => ({ kind: 'runner', name });

  async function growTo(count: number): Promise<void> {
    while (made < count + limit) {
      const ids = Array.from(
        { length: Math.min(itemsAtOnce, count + limit - made) },
        (_, at) => made + at + 1,
      );
      await Promise.all(ids.map((id) => record({ id, action: 'queued' })));
      await notify(ids.map(job));
      made += ids.length;
    }
  }

  /** The whole life of one runner in one step, while another job comes; measured is the plan that frees its place and orders the next. */
  async function live(): Promise<number> {
    made += 1;
    await record({ id: made, action: 'queued' });
    await notify([job(made)]);
    const [oldest] = (await table.runnersOfHost(host)).filter(({ counted }) => counted === 'coming');
    if (!oldest?.forJob) throw new Error('no runner is coming');
    const id = Number(oldest.forJob.split('#')[1]);
    await launch(oldest);
    const on = { id, runner: { id: 1, name: oldest.name } };
    await record({ ...on, action: 'in_progress' });
    await notify([job(id)]);
    await record({ ...on, action: 'completed' });
    await notify([job(id)]);
    await table.recordRunner(oldest.name, [{ kind: 'gone', code: 'ended', why: 'it ended' }], clock.now());
    const startedAt = performance.now();
    await notify([runner(oldest.name)]);
    return performance.now() - startedAt;
  }

  async function launch({ name }: Runner): Promise<void> {
    const until = clock.now() + 30_000;
    await table.recordRunner(
      name,
      [
        { kind: 'lease', owner: 'bench', until },
        { kind: 'mark', owner: 'bench' },
        { kind: 'launched', machine: name as never },
      ],
      clock.now(),
    );
  }

  return {
    growTo,
    async lives(count) {
      const took: number[] = [];
      for (let i = 0; i < count; i += 1) took.push(await live());
      return took;
    },
    close: () => table.close(),
  };
}
