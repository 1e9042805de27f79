// What can be seen of the demo at one moment: GitHub's jobs, our books, and why jobs wait.

import type { Job as JobAtGitHub } from '../../../adapters/github/simulated/state.ts';
import type { World } from '../../../adapters/github/simulated/world.ts';
import type { Operator } from '../../../flow/operator/operator.ts';
import type { PoolView } from '../../../flow/operator/views.ts';

export type PoolSeen = Pick<PoolView, 'name' | 'limit' | 'runners' | 'jobs'>;

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
  operator: Operator;
}

/** Reasons that fit beside everything else; one of each kind says more than five alike. */
const waitsMax = 4;
/** Those that wait come first; the demo has fewer. */
const jobsMax = 200;

export async function look({ world, operator }: LookDeps): Promise<Seen> {
  const { pools } = await operator.status();
  const waits = new Map<string, { job: string; text: string }>();
  for (const { name, pool, wait } of await operator.jobs({ pool: null, repository: null, limit: jobsMax })) {
    const kind = `${wait?.code} ${pool}`;
    if (wait && !waits.has(kind)) waits.set(kind, { job: name, text: wait.text });
  }
  const jobs = countJobs([...world.state.jobs.values()]);
  return { jobs, pools, waits: [...waits.values()].slice(0, waitsMax) };
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
