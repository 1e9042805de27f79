// What can be seen of the demo at one moment: GitHub's jobs, our books, and why jobs wait.

import type { Job as JobAtGitHub } from '../../../adapters/github/simulated/state.ts';
import type { World } from '../../../adapters/github/simulated/world.ts';
import type { Configuration } from '../../../core/configuration.ts';
import { explainWait } from '../../../core/explain.ts';
import { type GitHubName, jobKey } from '../../../core/ids.ts';
import { alivePool, type Lane, noPoolCounts, type PoolBooks, waiting } from '../../../core/ledger.ts';
import type { JobsTable } from '../../../ports/jobs-table.ts';

export interface PoolSeen {
  name: string;
  limit: number;
  books: PoolBooks;
  alive: number;
  waiting: number;
}

export interface Seen {
  jobs: {
    queued: number;
    gated: number;
    running: number;
    succeeded: number;
    failed: number;
    otherEnds: number;
  };
  pools: readonly PoolSeen[];
  waits: readonly { job: string; text: string }[];
}

export interface LookDeps {
  world: World;
  table: JobsTable;
  configuration: Configuration;
  gitHubName: GitHubName;
  now: () => number;
}

/** Reasons that fit beside everything else; one of each kind says more than five alike. */
const waitsMax = 4;

export async function look({ world, table, configuration, gitHubName, now }: LookDeps): Promise<Seen> {
  const all = [...world.state.jobs.values()];
  const lanes = new Map<string, Lane>();
  const waits = new Map<string, { job: string; text: string }>();
  for (const atGitHub of all) {
    if (atGitHub.status !== 'queued' && atGitHub.status !== 'waiting') continue;
    const job = await table.readJob(jobKey(gitHubName, atGitHub.id));
    if (!job) continue;
    const route = job.route.kind === 'lane' ? job.route : null;
    const lane = route ? (lanes.get(route.lane) ?? (await table.readLane(route.host, route.lane))) : null;
    if (lane) lanes.set(lane.key, lane);
    const ledger = route ? await table.readLedger(route.host) : null;
    const runner = job.lastOrder ? await table.readRunner(job.lastOrder.runner) : null;
    const wait = explainWait(job, { configuration, ledger, lane, runner, now: now() });
    const kind = `${wait?.code} ${route?.lane}`;
    if (wait && !waits.has(kind)) waits.set(kind, { job: atGitHub.name, text: wait.text });
  }
  const pools: PoolSeen[] = [];
  for (const { name, host, limit } of configuration.pools) {
    const books = (await table.readLedger(host))?.pools[name] ?? noPoolCounts;
    const waitingJobs = [...lanes.values()].filter((lane) => lane.pool === name);
    const sum = waitingJobs.reduce((jobs, lane) => jobs + waiting(lane) + lane.held, 0);
    pools.push({ name, limit, books, alive: alivePool(books), waiting: sum });
  }
  return { jobs: countJobs(all), pools, waits: [...waits.values()].slice(0, waitsMax) };
}

function countJobs(jobs: readonly JobAtGitHub[]): Seen['jobs'] {
  const count = (is: (job: JobAtGitHub) => boolean) => jobs.filter(is).length;
  const ended = (is: (conclusion: string | null) => boolean) =>
    count((job) => job.status === 'completed' && is(job.conclusion));
  return {
    queued: count((job) => job.status === 'queued'),
    gated: count((job) => job.status === 'waiting'),
    running: count((job) => job.status === 'in_progress'),
    succeeded: ended((conclusion) => conclusion === 'success'),
    failed: ended((conclusion) => conclusion === 'failure'),
    otherEnds: ended((conclusion) => conclusion !== 'success' && conclusion !== 'failure'),
  };
}
