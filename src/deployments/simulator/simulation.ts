// One simulation: a storm of jobs while everything fails as a profile says, then quiet, in which everything must
// settle. The same seed gives the same run.

import { createSeededRandom } from '../../adapters/clock/virtual/random.ts';
import type { World } from '../../adapters/github/simulated/world.ts';
import type { HostName } from '../../core/ids.ts';
import type { Deficit } from './checkers/deficit.ts';
import { isWorkOver, leftovers } from './checkers/quiet.ts';
import type { EventLog } from './event-log.ts';
import { createMischief, type FaultKind, type Rates } from './faults.ts';
import { configuration, deploymentOf, startsAt } from './landscape.ts';
import type { Counts } from './recorder.ts';
import { createStage, type Violation } from './stage.ts';
import { sendStranger } from './strangers.ts';
import type { Truth } from './truth.ts';
import { startWorkload } from './workload.ts';
import { gitHubFaults, hostFaults, queueFaults } from './world-faults.ts';

export interface SimulationTerms {
  seed: number;
  rates: Rates;
  jobs?: number;
  stormMs?: number;
}

export interface Result {
  seed: number;
  violations: readonly Violation[];
  deficits: readonly Deficit[];
  injected: ReadonlyMap<FaultKind, number>;
  /** Steps of the clock. */
  steps: number;
  virtualMs: number;
  jobs: number;
  counts: Counts;
  /** Jobs that got a runner, and machines that were launched. */
  started: number;
  births: number;
  /** From `queued` to `in_progress` at GitHub, of the jobs that are offered as soon as they are made. */
  waitsMs: readonly number[];
  hash: string;
  log: EventLog;
  truth: Truth;
  world: World;
}

export const jobsDefault = 200;
/** One job after another so fast that the hosts are full at times, and not always. */
const stormMsPerJob = 7_500;
/** Longer than the rarest look (an hour, at a job that waits for an approval) and its repair. */
const settleMsMax = 80 * 60_000;
/** GitHub may hold a job for so long after the last one was started. */
const drainMsMax = 3 * 60 * 60_000;
/** A killed process is back after this. */
const downMsMax = 15_000;
const minuteMs = 60_000;
/** An outage is over after this: shorter than what an ending that needs GitHub may be overdue. */
const spellMsMax = 3 * minuteMs;

export async function runSimulation(terms: SimulationTerms): Promise<Result> {
  const deployment = deploymentOf(terms.seed);
  const mischief = createMischief(terms.rates, createSeededRandom(terms.seed).fork('mischief'));
  const hostsFull = new Set<HostName>();
  const spells = { isGitHubDown: false, hostsFull };
  const stage = createStage({
    seed: terms.seed,
    configuration,
    mischief,
    isCalm: Object.keys(terms.rates).length === 0,
    settings: idleDropOf(terms.rates),
    faults: {
      gitHub: gitHubFaults(mischief, spells),
      host: (name, options) => hostFaults(mischief, spells, name, options),
      queue: () => queueFaults(mischief),
      isGitHubDown: () => spells.isGitHubDown,
    },
  });
  const { clock, random, scene, world } = stage;

  const jobs = terms.jobs ?? jobsDefault;

  stage.start();
  everyMinute();
  const workload = startWorkload(
    { clock, random: random.fork('workload'), mischief, world },
    { jobs, stormMs: terms.stormMs ?? jobs * stormMsPerJob },
  );
  await stage.until(workload.endsAt + drainMsMax, () => clock.now() > workload.endsAt && isWorkOver(scene));
  mischief.stop();
  await stage.until(clock.now() + settleMsMax, () => leftovers(scene, deployment).length === 0);
  if (stage.violations.length === 0) await stage.checkQuiet();

  return {
    seed: terms.seed,
    violations: stage.violations,
    deficits: stage.deficits(),
    injected: mischief.injected(),
    steps: stage.steps(),
    virtualMs: clock.now() - startsAt,
    jobs: world.state.jobs.size,
    counts: stage.counts,
    started: stage.started(),
    births: stage.births(),
    waitsMs: stage.waitsMs,
    hash: stage.log.hash(),
    log: stage.log,
    truth: stage.truth,
    world,
  };

  function everyMinute(): void {
    clock.after(minuteMs, () => {
      if (mischief.happens('restart')) stage.kill(1_000 + mischief.random('restart').int(downMsMax));
      if (mischief.happens('foreignRunner'))
        sendStranger({ clock, world, random: mischief.random('foreignRunner') });
      if (!spells.isGitHubDown && mischief.happens('gitHubDown')) gitHubGoesDown();
      if (mischief.happens('noCapacity')) fill(mischief.random('noCapacity').pick(configuration.hosts).name);
      everyMinute();
    });
  }

  function gitHubGoesDown(): void {
    stage.log.add('GitHub goes down', '');
    spells.isGitHubDown = true;
    clock.after(spellMs('gitHubDown'), () => {
      stage.log.add('GitHub is back', '');
      spells.isGitHubDown = false;
    });
  }

  function fill(host: HostName): void {
    if (hostsFull.has(host)) return;
    stage.log.add('no more capacity', host);
    hostsFull.add(host);
    clock.after(spellMs('noCapacity'), () => {
      stage.log.add('capacity again', host);
      hostsFull.delete(host);
    });
  }

  function spellMs(kind: FaultKind): number {
    return minuteMs + mischief.random(kind).int(spellMsMax - minuteMs);
  }
}

/** GitHub's own habit, made quicker, or left out, where that is the fault. */
function idleDropOf(rates: Rates) {
  if ((rates.idleKept ?? 0) > 0) return { dropsIdleRunners: false };
  const isQuick = (rates.idleDrop ?? 0) > 0;
  return isQuick ? { idleDrop: { minMs: minuteMs, maxMs: 2 * minuteMs } } : {};
}
