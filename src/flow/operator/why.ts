// Why one job waits, or what became of it: its own story and that of its runners, in one line of time.

import { hostByName } from '../../core/configuration.ts';
import { waitsOfJob } from '../../core/episodes.ts';
import type { JobKey } from '../../core/ids.ts';
import type { Job, JobClass } from '../../core/job.ts';
import type { Runner } from '../../core/runner.ts';
import { spentOf, storyOf } from '../../core/story.ts';
import type { TimelineEntry } from '../../core/timeline.ts';
import { type JobViews, poolOf, runnersOfJob } from './jobs.ts';
import type { OperatorDeps } from './operator.ts';
import type { RunnerView, WhyView } from './views.ts';

/** Jobs of its lane that are looked at for its place: further back a job is told that there are so many at least. */
const aheadMax = 500;
/** Busy runners whose jobs are read, to say whose they are. */
const holdersMax = 100;

const waitingClasses: readonly JobClass[] = ['fresh', 'ordered', 'orphaned'];
/** It waits for a place, so who has the places is the answer. */
const waitsForPlace: readonly string[] = ['poolLimit', 'hostLimit', 'nextPlan', 'slowedDown'];

export function createWhy({ clock, table, configuration }: OperatorDeps, views: JobViews) {
  return async (key: JobKey): Promise<WhyView | null> => {
    const job = await table.readJob(key);
    if (!job) return null;
    const ahead = await aheadOf(job);
    const view = await views.view(job, ahead === null ? {} : { ahead });
    const runners = await readRunners(job);
    const waits = await waitsOf(job);
    const busy = view.wait && waitsForPlace.includes(view.wait.code) ? await busyOf(job, view.wait.code) : [];
    return {
      job: view,
      heldBy: await holders(busy),
      ahead,
      expectedAt: ahead === null ? null : (byBudget(view.wait?.code, ahead, job) ?? byPace(busy, ahead)),
      spent: spentOf(job, runners, waits, clock.now()),
      runners: runners.map(runnerView),
      story: storyOf(job, runners, waits),
    };
  };

  async function aheadOf(job: Job): Promise<number | null> {
    if (job.route.kind !== 'lane' || !job.counted || job.counted.class === 'held') return null;
    if (job.phase !== 'queued') return null;
    const { lane } = job.route;
    const lists = await Promise.all(waitingClasses.map((one) => table.jobsOfLane(lane, one, aheadMax)));
    return lists.flat().filter((other) => isBefore(other, job)).length;
  }

  /** What is in its way while it waits; afterwards its own timeline has it. */
  async function waitsOf(job: Job): Promise<TimelineEntry[]> {
    if (job.phase !== 'queued' || job.counted === null) return [];
    const ledger = await table.readLedger(job.counted.host);
    return ledger === null ? [] : waitsOfJob(job, ledger, clock.now());
  }

  async function readRunners(job: Job): Promise<Runner[]> {
    const runners = await Promise.all(runnersOfJob(job).map((name) => table.readRunner(name)));
    return runners.filter((runner) => runner !== null);
  }

  async function busyOf(job: Job, code: string): Promise<Runner[]> {
    if (job.route.kind !== 'lane') return [];
    const pool = poolOf(job);
    const all = await table.runnersOfHost(job.route.host);
    return all.filter(({ state, ...one }) => state === 'busy' && (code === 'hostLimit' || one.pool === pool));
  }

  async function holders(busy: readonly Runner[]): Promise<WhyView['heldBy']> {
    const counts = new Map<string, number>();
    const jobs = await Promise.all(
      busy.slice(0, holdersMax).map((runner) => (runner.job === null ? null : table.readJob(runner.job))),
    );
    for (const job of jobs) {
      const repository = job?.repository ?? 'unknown';
      counts.set(repository, (counts.get(repository) ?? 0) + 1);
    }
    return [...counts]
      .map(([repository, runners]) => ({ repository, runners }))
      .sort((a, b) => b.runners - a.runners || a.repository.localeCompare(b.repository));
  }

  /** Where no more is in its way than what is granted each second. */
  function byBudget(code: string | undefined, ahead: number, { counted }: Job): number | null {
    const perSecond =
      code === 'registrations'
        ? configuration.github.mintsPerMinute / 60
        : code === 'launches' && counted
          ? (hostByName(configuration, counted.host)?.launchesPerSecond ?? null)
          : null;
    return perSecond === null ? null : clock.now() + Math.ceil(((ahead + 1) / perSecond) * 1_000);
  }

  /**
   * By the jobs that run: seen at a moment of chance, a job of even length is half-way through, so a place is free about
   * every (twice their age / their number).
   */
  function byPace(busy: readonly Runner[], ahead: number): number | null {
    const now = clock.now();
    const ages = busy.flatMap(({ busyAt }) => (busyAt === null ? [] : [now - busyAt]));
    if (ages.length === 0) return null;
    const meanMs = ages.reduce((sum, age) => sum + age, 0) / ages.length;
    return now + Math.round(((ahead + 1) * 2 * meanMs) / ages.length);
  }
}

/** By GitHub's times, which are whole seconds: jobs of one matrix are often of one. Its ids only grow. */
function isBefore(a: Job, b: Job): boolean {
  return a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.id < b.id);
}

function runnerView(runner: Runner): RunnerView {
  const { name, host, pool, state, machine, removing, end, orderedAt } = runner;
  return {
    name,
    host,
    pool,
    state,
    machine,
    removing: removing && { code: removing.code, why: removing.why },
    end,
    orderedAt,
  };
}
