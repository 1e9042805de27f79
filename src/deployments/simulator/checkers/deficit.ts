// Healing: for how many seconds in a row a lane has too few runners coming, though the hosts have room and no reason is
// shown. By truth: jobs that GitHub offers, against machines and orders that really come.

import type { Job as GitHubJob } from '../../../adapters/github/simulated/state.ts';
import { breakerState } from '../../../core/breaker.ts';
import { runnerDeadline } from '../../../core/deadline.ts';
import type { HostName, LaneKey } from '../../../core/ids.ts';
import { jobKey } from '../../../core/ids.ts';
import { isSlowedDown } from '../../../core/ledger.ts';
import { hasLiveLease, isMarked, type Runner, runnerClass } from '../../../core/runner.ts';
import { poolOfLane } from '../../../core/scope.ts';
import { gitHub } from '../landscape.ts';
import { routeOf } from '../routes.ts';
import { truthLaneId } from '../truth.ts';
import type { Checker, Scene } from './checker.ts';

export interface Deficit {
  lane: LaneKey;
  /** When it began. */
  at: number;
  ms: number;
}

interface Want {
  host: HostName;
  installation: number;
  jobs: number;
}

/** Time between two looks: what is shorter is not seen. */
const lookMs = 5_000;

/** Twice what the worst fault may take to be repaired: nothing is, here, by chance. */
const deficitMsMax = 10 * 60_000;

export function createDeficitMeter(scene: Scene): { checker: Checker; deficits(): readonly Deficit[] } {
  const { clock, truth, world } = scene;
  const open = new Map<LaneKey, number>();
  const deficits: Deficit[] = [];
  const isTold = new Set<LaneKey>();

  return {
    deficits: () => [...deficits, ...[...open].map(([lane, at]) => ({ lane, at, ms: clock.now() - at }))],
    checker: {
      look() {
        const wants = wanted();
        for (const lane of open.keys()) if (!wants.has(lane)) close(lane);
        for (const [lane, want] of wants) {
          if (want.jobs <= coming(lane) || !hasRoom(lane, want.host) || hasReason(lane, want)) close(lane);
          else grow(lane);
        }
      },
    },
  };

  function grow(lane: LaneKey): void {
    const at = open.get(lane);
    if (at === undefined) open.set(lane, clock.now());
    else if (at + deficitMsMax < clock.now() && !isTold.has(lane)) {
      isTold.add(lane);
      scene.fail(
        'healing',
        `lane ${lane} has too few runners coming for ${deficitMsMax / 1_000} s, and no reason is shown`,
      );
    }
  }

  function close(lane: LaneKey): void {
    const at = open.get(lane);
    if (at === undefined) return;
    open.delete(lane);
    deficits.push({ lane, at, ms: clock.now() - at });
  }

  /** Jobs that GitHub would give to a runner at once, and that are not held. */
  function wanted(): Map<LaneKey, Want> {
    const wants = new Map<LaneKey, Want>();
    for (const job of openJobs()) {
      if (job.offer === 0 || job.status !== 'queued') continue;
      const route = routeOf(job, scene.configuration);
      if (route.kind !== 'lane') continue;
      const known = truth.jobs.get(jobKey(gitHub, job.id));
      if (known?.counted?.class === 'held') continue;
      if ((known === undefined || known.phase === 'gated') && !isLookedUp(job)) continue;
      const { host, scope } = route;
      const want = wants.get(route.lane) ?? { host, installation: scope.installation, jobs: 0 };
      want.jobs += 1;
      wants.set(route.lane, want);
    }
    return wants;
  }

  function* openJobs(): Generator<GitHubJob> {
    for (const account of world.state.accounts.values()) {
      // Where the App may do nothing, nobody can start a runner.
      if (account.installation?.state !== 'active') continue;
      for (const repository of account.repositories.values())
        for (const run of repository.activeRuns.values()) yield* run.jobs;
    }
  }

  /** A job that nobody told us of is found by the look at its repository: rare where nothing has happened for long. */
  function isLookedUp(job: GitHubJob): boolean {
    const lookUp = truth.lookUps.get(job.run.repository.fullName.toLowerCase());
    if (lookUp === undefined) return true;
    const { activeMs } = scene.configuration.timing;
    return lookUp.touchedAt + activeMs > clock.now() || lookUp.nextAt <= clock.now();
  }

  function coming(lane: LaneKey): number {
    let count = 0;
    for (const runner of truth.runnersAlive.values())
      if (runner.lane === lane && runnerClass(runner) === 'coming' && isReallyComing(runner)) count += 1;
    return count;
  }

  /** What can not be known before a deadline passes is believed until then. */
  function isReallyComing(runner: Runner): boolean {
    const now = clock.now();
    const atGitHub = scene.gitHubRunners.get(runner.name);
    if (atGitHub && atGitHub.phase !== 'registered' && atGitHub.phase !== 'idle') return false;
    if (!isMarked(runner)) {
      return hasLiveLease(runner, now) || now < runner.orderedAt + scene.configuration.timing.outboxMs;
    }
    if (!isAlive(runner)) return runner.state === 'launching' && hasLiveLease(runner, now);
    const deadline = runnerDeadline(runner, scene.timesOf(runner.pool, runner.host));
    return deadline !== null && now <= deadline.at;
  }

  function isAlive(runner: Runner): boolean {
    for (const machine of scene.grounds.get(runner.host)?.named(runner.name) ?? [])
      if (machine.diedAt === null && machine.name === runner.name) return true;
    return false;
  }

  function hasRoom(lane: LaneKey, host: HostName): boolean {
    const { hosts, pools } = scene.configuration;
    const pool = poolOfLane(lane);
    let inHost = 0;
    let inPool = 0;
    for (const runner of truth.runnersAlive.values()) {
      if (runner.host === host) inHost += 1;
      if (runner.pool === pool) inPool += 1;
    }
    const hostLimit = hosts.find(({ name }) => name === host)?.limit ?? 0;
    const poolLimit = pools.find(({ name }) => name === pool)?.limit ?? 0;
    return inHost < hostLimit && inPool < poolLimit;
  }

  function hasReason(lane: LaneKey, { host, installation }: Want): boolean {
    if (scene.isGitHubDown()) return true;
    const now = clock.now();
    const ledger = truth.ledgers.get(host);
    const pool = ledger?.pools[poolOfLane(lane)];
    if (pool && breakerState(pool.breaker, now) !== 'closed') return true;
    if (ledger?.throttled && ledger.throttled.until + lookMs > now) return true;
    const row = truth.lanes.get(truthLaneId(host, lane));
    if (row && isSlowedDown(row)) return true;
    return (
      scene.budgetSpentUntil({ kind: 'github-mint', account: String(installation) }) + lookMs > now ||
      scene.budgetSpentUntil({ kind: 'host-launch', account: host }) + lookMs > now
    );
  }
}
