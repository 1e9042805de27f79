// Why a job waits, in one sentence that a person can act on. It reads the same books that the plan decides by, and
// looks at the reasons in the order in which they would stop the plan.

import { type Configuration, poolByName } from './configuration.ts';
import { inTime, lasting } from './duration.ts';
import { budgetInTheWay } from './episodes.ts';
import type { Job } from './job.ts';
import { type Lane, type Ledger, waiting } from './ledger.ts';
import { describeEnd, describeObstacle, type Obstacle, obstacleOf, remedyOf } from './obstacle.ts';
import { heldRemedy, refusalRemedy } from './reason.ts';
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
  | Obstacle['code'] // a runner is wanted for it, and this is in the way
  | 'nextPlan'; // nothing is in its way

export interface Wait {
  code: WaitCode;
  text: string;
  /** What a person may do about it; `null`: it passes by itself, and soon. */
  remedy: string | null;
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
}

/** `null`: it does not wait. */
export function explainWait(job: Job, view: WaitView): Wait | null {
  if (job.phase === 'in_progress' || job.phase === 'completed') return null;
  if (job.phase === 'gated') {
    return {
      code: 'gated',
      text: 'GitHub holds it back: it needs an approval, or waits for a concurrency group',
      remedy: 'approve it on the page of its run, or see which run of its concurrency group is before it',
    };
  }
  if (job.route.kind === 'refused')
    return { code: 'refused', text: job.route.text, remedy: refusalRemedy(job.route.code) };
  if (job.counted === null || view.ledger === null || view.lane === null)
    return passing('notCounted', 'it has just come, and the next plan counts it');
  switch (job.counted.class) {
    case 'held':
      return held(job, view.now);
    case 'ordered':
      return coming(job, view);
    case 'orphaned':
      if (job.ask) return asking(job, view);
      // Another job of the lane took its runner, as GitHub may choose: it waits for a place like any other.
      return withAhead(inItsWay(job, view.ledger, view.lane, view), view.ahead);
    case 'fresh':
      return withAhead(inItsWay(job, view.ledger, view.lane, view), view.ahead);
    default:
      return job.counted.class satisfies never;
  }
}

function passing(code: WaitCode, text: string): Wait {
  return { code, text, remedy: null };
}

function held(job: Job, now: number): Wait {
  const cause = job.held?.cause ?? 'GitHub calls it queued, but gives it to no runner';
  const text = `${cause}; looked at again ${inTime((job.held?.until ?? now) - now)}`;
  return { code: 'held', text, remedy: heldRemedy(job) };
}

/** GitHub gives an idle runner a job within seconds. */
const pickUpMs = 30_000;

function coming(job: Job, { runner, now, configuration }: WaitView): Wait {
  const name = runner?.name ?? job.lastOrder?.runner ?? 'a runner';
  if (runner === null) return passing('covered', `${name} is coming for it`);
  switch (runner.state) {
    case 'ordered':
      return passing(
        'ordered',
        `${name} is ordered since ${lasting(now - runner.orderedAt)}, and not launched yet`,
      );
    case 'launching':
      return passing('ordered', `${name} is being launched since ${lasting(now - (runner.markedAt ?? now))}`);
    case 'launched':
    case 'standby':
    case 'claimed': {
      const bootMs = poolByName(configuration, runner.pool)?.bootMs ?? configuration.timing.bootMs;
      const text = `${name} boots since ${lasting(now - (runner.launchedAt ?? now))}, and has ${lasting(bootMs)} to come online`;
      return { code: 'booting', text, remedy: `if it takes long: runners logs ${name}` };
    }
    case 'online':
    case 'assigned': {
      const idleMs = now - (runner.onlineAt ?? now);
      if (idleMs <= pickUpMs)
        return passing('online', `${name} is online: GitHub gives it a job within moments`);
      const { idleBesideJobMs } = configuration.timing;
      const text = `${name} is online since ${lasting(idleMs)}, and GitHub has given it no job yet; after ${lasting(idleBesideJobMs)} GitHub is asked about this one`;
      return { code: 'online', text, remedy: heldRemedy(job) };
    }
    case 'busy':
    case 'ending':
    case 'gone':
      return passing('covered', `${name} went to another job, and the next plan sees to it`);
    default:
      return runner.state satisfies never;
  }
}

function asking({ ask, lastOrder }: Job, { now, runner }: WaitView): Wait {
  const name = lastOrder?.runner ?? 'its runner';
  const why = (runner?.removing ?? runner?.end)?.why;
  const because = why === undefined ? '' : ` (${why})`;
  const when = ask && ask.dueAt > now ? ` ${inTime(ask.dueAt - now)}` : '';
  return passing(
    'asking',
    `${name} no longer comes for it${because}, and GitHub is asked${when} whether it still waits`,
  );
}

function covered(lane: Lane): Wait {
  const runners = lane.coming === 1 ? '1 runner is' : `${lane.coming} runners are`;
  const jobs = waiting(lane) === 1 ? 'the job' : `the ${waiting(lane)} jobs`;
  return passing('covered', `${runners} coming for ${jobs} of its lane`);
}

/** What keeps the plan from ordering a runner for the lane. */
function inItsWay(job: Job, ledger: Ledger, lane: Lane, { configuration, now }: WaitView): Wait {
  if (lane.coming >= waiting(lane)) return covered(lane);
  const name = poolOfLane(lane.key);
  if (poolByName(configuration, name) === null)
    return passing('nextPlan', `pool ${name} is no longer configured: it is routed again`);
  const obstacle = obstacleOf(lane, ledger, configuration, now) ?? budgetInTheWay(job, ledger, now);
  if (obstacle === null) return passing('nextPlan', 'the next plan orders a runner');
  return {
    code: obstacle.code,
    text: `${describeObstacle(obstacle)}${describeEnd(obstacle, now)}`,
    remedy: remedyOf(obstacle),
  };
}

function withAhead(wait: Wait, ahead: number | undefined): Wait {
  if (ahead === undefined || ahead === 0) return wait;
  return { ...wait, text: `${wait.text}; ${ahead} ${ahead === 1 ? 'job waits' : 'jobs wait'} before it` };
}
