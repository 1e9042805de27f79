// Why a job waits, in one sentence that a person can act on. It reads the same books that the plan decides by, and
// looks at the reasons in the order in which they would stop the plan.

import { breakerState } from './breaker.ts';
import { type Configuration, hostByName, type PoolSettings, poolByName } from './configuration.ts';
import type { Job } from './job.ts';
import {
  aliveHost,
  alivePool,
  isSlowedDown,
  type Lane,
  type Ledger,
  noPoolCounts,
  type PoolCounts,
  waiting,
} from './ledger.ts';
import { readable } from './reason.ts';
import type { Runner } from './runner.ts';
import { poolOfLane } from './scope.ts';

type WaitCode =
  | 'gated' // GitHub does not offer it yet
  | 'refused' // it gets no runner at all
  | 'notCounted' // no plan has seen it yet
  | 'held' // GitHub gives it to no runner
  | 'ordered' // its runner is ordered, and not launched yet
  | 'booting' // its runner boots
  | 'online' // its runner waits for GitHub to give it a job
  | 'asking' // its runner no longer comes: GitHub is asked first
  | 'covered' // a runner of its lane is coming
  | 'paused' // an operator has paused its pool
  | 'breakerOpen' // runners of its pool keep failing
  | 'throttled' // its host takes no launches just now
  | 'slowedDown' // its lane's runners keep going to other lanes
  | 'poolLimit'
  | 'hostLimit'
  | 'budget' // the registrations or launches of this minute are used up
  | 'nextPlan'; // nothing is in its way

interface Wait {
  code: WaitCode;
  text: string;
}

export interface WaitView {
  configuration: Configuration;
  /** Of the host that the job belongs to; `null` before the first plan. */
  ledger: Ledger | null;
  lane: Lane | null;
  /** The one that was last ordered for it (`lastOrder`), where it is known. */
  runner: Runner | null;
  now: number;
  /** Jobs of its lane that wait before it, where they were counted. */
  ahead?: number;
  /** When the next registration or launch may be made, where that is known to be what it waits for. */
  budgetNextAt?: number;
}

/** `null`: it does not wait. */
export function explainWait(job: Job, view: WaitView): Wait | null {
  if (job.phase === 'in_progress' || job.phase === 'completed') return null;
  if (job.phase === 'gated') {
    return {
      code: 'gated',
      text: 'GitHub holds it back: it needs an approval, or waits for a concurrency group',
    };
  }
  if (job.route.kind === 'refused') return { code: 'refused', text: job.route.text };
  if (job.counted === null || view.ledger === null || view.lane === null) {
    return { code: 'notCounted', text: 'it has just come, and the next plan counts it' };
  }
  switch (job.counted.class) {
    case 'held':
      return held(job, view.now);
    case 'ordered':
      return coming(job, view);
    case 'orphaned':
      if (job.ask) return asking(job, view.now);
      // Another job of the lane took its runner, as GitHub may choose: it waits for a place like any other.
      return withAhead(inItsWay(view.ledger, view.lane, view), view.ahead);
    case 'fresh':
      return withAhead(inItsWay(view.ledger, view.lane, view), view.ahead);
    default:
      return job.counted.class satisfies never;
  }
}

function held({ held: hold }: Job, now: number): Wait {
  const cause = hold?.cause ?? 'GitHub calls it queued, but gives it to no runner';
  return { code: 'held', text: `${cause}; looked at again ${inTime((hold?.until ?? now) - now)}` };
}

function coming(job: Job, { runner, now }: WaitView): Wait {
  const name = runner?.name ?? job.lastOrder?.runner ?? 'a runner';
  if (runner === null) return { code: 'covered', text: `${name} is coming for it` };
  switch (runner.state) {
    case 'ordered':
      return {
        code: 'ordered',
        text: `${name} is ordered since ${lasting(now - runner.orderedAt)}, and not launched yet`,
      };
    case 'launching':
      return {
        code: 'ordered',
        text: `${name} is being launched since ${lasting(now - (runner.markedAt ?? now))}`,
      };
    case 'launched':
    case 'standby':
    case 'claimed':
      return { code: 'booting', text: `${name} boots since ${lasting(now - (runner.launchedAt ?? now))}` };
    case 'online':
    case 'assigned':
      return { code: 'online', text: `${name} is online: GitHub gives it a job within moments` };
    case 'busy':
    case 'ending':
    case 'gone':
      return { code: 'covered', text: `${name} went to another job, and the next plan sees to it` };
    default:
      return runner.state satisfies never;
  }
}

function asking({ ask, lastOrder }: Job, now: number): Wait {
  const name = lastOrder?.runner ?? 'its runner';
  const when = ask && ask.dueAt > now ? ` ${inTime(ask.dueAt - now)}` : '';
  return {
    code: 'asking',
    text: `${name} no longer comes for it, and GitHub is asked${when} whether it still waits`,
  };
}

function covered(lane: Lane): Wait {
  const runners = lane.coming === 1 ? '1 runner is' : `${lane.coming} runners are`;
  const jobs = waiting(lane) === 1 ? 'the job' : `the ${waiting(lane)} jobs`;
  return { code: 'covered', text: `${runners} coming for ${jobs} of its lane` };
}

/** What keeps the plan from ordering a runner for the lane. */
function inItsWay(ledger: Ledger, lane: Lane, view: WaitView): Wait {
  const { configuration, now } = view;
  const name = poolOfLane(lane.key);
  const pool = ledger.pools[name] ?? noPoolCounts;
  const settings = poolByName(configuration, name);
  if (lane.coming >= waiting(lane)) {
    return covered(lane);
  }
  if (settings === null)
    return { code: 'nextPlan', text: `pool ${name} is no longer configured: it is routed again` };
  if (pool.paused) return { code: 'paused', text: `pool ${name} is paused: resume it to go on` };
  const { breaker } = pool;
  if (breaker && breakerState(breaker, now) === 'open') {
    const again = inTime((breaker.until ?? now) - now);
    const text = `pool ${name} orders nothing after ${breaker.failures} failures in a row (${readable(breaker.why)}); one more try ${again}`;
    return { code: 'breakerOpen', text };
  }
  if (breaker && breakerState(breaker, now) === 'probe' && pool.coming > 0) {
    const text = `pool ${name} tries a single runner after ${breaker.failures} failures in a row (${readable(breaker.why)})`;
    return { code: 'breakerOpen', text };
  }
  if (ledger.throttled && ledger.throttled.until > now) {
    const text = `host ${ledger.host} takes no launches just now; again ${inTime(ledger.throttled.until - now)}`;
    return { code: 'throttled', text };
  }
  if (isSlowedDown(lane) && lane.lost) {
    const text = `runners of its lane were taken by jobs of ${lane.lost.to}, ${lane.lost.times} times in a row: they are ordered one at a time`;
    return {
      code: 'slowedDown',
      text: lane.lost.until > now ? `${text}, the next ${inTime(lane.lost.until - now)}` : text,
    };
  }
  return (
    limits(ledger, settings, pool, view) ??
    budget(view) ?? { code: 'nextPlan', text: 'the next plan orders a runner' }
  );
}

function limits(
  ledger: Ledger,
  { name, limit, host }: PoolSettings,
  pool: PoolCounts & { limitNow: number | null },
  { configuration }: WaitView,
): Wait | null {
  const limitNow = Math.min(limit, pool.limitNow ?? limit);
  if (alivePool(pool) >= limitNow) {
    const forNow = limitNow < limit ? ` (lowered from ${limit})` : '';
    const text = `pool ${name} is at its limit, ${alivePool(pool)} of ${limitNow}${forNow} alive: ${classes(pool)}`;
    return { code: 'poolLimit', text };
  }
  const hostLimit = hostByName(configuration, host)?.limit ?? 0;
  const alive = aliveHost(ledger);
  if (alive < hostLimit) return null;
  return {
    code: 'hostLimit',
    text: `host ${host} is at its limit, ${alive} of ${hostLimit} machines alive over all its pools`,
  };
}

function budget({ budgetNextAt, now }: WaitView): Wait | null {
  if (budgetNextAt === undefined || budgetNextAt <= now) return null;
  const text = `the launches and registrations that may be made at once are used up; the next ${inTime(budgetNextAt - now)}`;
  return { code: 'budget', text };
}

function classes({ busy, coming: soon, ending, standby }: PoolCounts): string {
  const parts = [
    [busy, 'busy'],
    [soon, 'coming'],
    [ending, 'ending'],
    [standby, 'standing by'],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return shown.length > 0 ? shown.join(', ') : 'none';
}

function withAhead(wait: Wait, ahead: number | undefined): Wait {
  if (ahead === undefined || ahead === 0) return wait;
  return { ...wait, text: `${wait.text}; ${ahead} ${ahead === 1 ? 'job waits' : 'jobs wait'} before it` };
}

function inTime(ms: number): string {
  return ms <= 0 ? 'now' : `in ${lasting(ms)}`;
}

function lasting(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}
