// Plays a scenario: lets time pass, starts runs, and measures what the story's assertions speak of.

import assert from 'node:assert/strict';
import type { Job as GitHubJob, WorkflowRun } from '../../../adapters/github/simulated/state.ts';
import type { JobDescription } from '../../../adapters/github/simulated/workflow.ts';
import type { World } from '../../../adapters/github/simulated/world.ts';
import type { MachineView } from '../../../adapters/hosts/simulated/index.ts';
import { jobKey } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import type { Runner } from '../../../core/runner.ts';
import type { Clock, EpochMs } from '../../../ports/clock.ts';
import { isWorkOver, leftovers } from '../checkers/quiet.ts';
import { configuration, deploymentOf, gitHub, startsAt } from '../landscape.ts';
import { createStage, type Stage } from '../stage.ts';
import { createPlot, type Plot } from './plot.ts';
import type { Scenario } from './scenario.ts';

export interface Play {
  stage: Stage;
  plot: Plot;
  world: World;
  clock: Clock;
  /** Lets so many seconds pass. */
  rest(seconds: number): Promise<void>;
  /** Lets time pass until it is so; fails where it is not within so many seconds. Gives the seconds that it took. */
  until(what: string, withinSeconds: number, isSo: () => boolean): Promise<number>;
  /** A run of these jobs, started now. */
  run(repository: string, ...jobs: JobDescription[]): WorkflowRun;
  /** Our record of a job of GitHub's. */
  record(job: GitHubJob): Job | null;
  runners(pool: string): Runner[];
  /** Machines of a pool that were ever born, and that live. */
  born(pool: string): MachineView[];
  alive(pool: string): MachineView[];
  /** The most machines of a pool that ever lived at once. */
  mostAlive(pool: string): number;
  /** Requests to GitHub so far whose route contains this. */
  calls(route: string): number;
  /** A metric so far, over all labels that begin so. */
  count(metric: string, ...labels: string[]): number;
  /** The longest time in which a lane had too few runners coming for no reason, in seconds. */
  longestDeficit(): number;
  /** Everything ends: nothing is left over, all books agree. */
  settle(withinMinutes: number): Promise<void>;
}

interface Played {
  stage: Stage;
  virtualMs: number;
}

/** Time moves in such steps where a story waits for something. */
const glanceMs = 250;
/** The rarest look, an hour, and its repair. */
const settleMinutes = 80;
/** One seed for all: chance only spreads boots and calls. */
const seed = 1;

/** `watch` is told of the stage as it is set, so that its log can be read whether the story goes well or not. */
export async function playScenario(
  scenario: Scenario,
  watch: (stage: Stage) => void = () => {},
): Promise<Played> {
  const plot = createPlot();
  const stage = createStage({
    seed,
    configuration: scenario.configuration ?? configuration,
    mischief: plot.mischief,
    faults: plot.faults,
    ...(scenario.settings ? { settings: scenario.settings } : {}),
    gitHubAheadMs: scenario.gitHubAheadMs ?? 0,
  });
  watch(stage);
  const play = createPlay(stage, plot);
  stage.start();
  await scenario.play(play);
  await play.settle(settleMinutes);
  return { stage, virtualMs: stage.clock.now() - startsAt };
}

function createPlay(stage: Stage, plot: Plot): Play {
  const { clock, world, truth, scene } = stage;
  const deployment = deploymentOf(seed);

  const checkNoViolation = (): void => {
    const [first] = stage.violations;
    assert.ok(!first, `${first?.checker} after ${secondsAt(first?.at ?? 0)} s: ${first?.text}`);
  };
  const pass = async (until: EpochMs, isSo: () => boolean): Promise<boolean> => {
    while (!isSo()) {
      if (clock.now() >= until) return false;
      await clock.run(Math.min(until, clock.now() + glanceMs));
      machines('');
      checkNoViolation();
    }
    return true;
  };
  // A ground forgets its dead after an hour; the story does not.
  const everBorn = new Set<MachineView>();
  const machines = (pool: string): MachineView[] => {
    for (const ground of scene.grounds.values()) for (const machine of ground.all()) everBorn.add(machine);
    return [...everBorn].filter((machine) => machine.pool === pool);
  };

  return {
    stage,
    plot,
    world,
    clock,
    async rest(seconds) {
      await pass(clock.now() + seconds * 1_000, () => false);
    },
    async until(what, withinSeconds, isSo) {
      const from = clock.now();
      const isDone = await pass(from + withinSeconds * 1_000, isSo);
      assert.ok(isDone, `not within ${withinSeconds} s (from ${secondsAt(from)} s on): ${what}`);
      return (clock.now() - from) / 1_000;
    },
    run: (repository, ...jobs) => world.startRun(repository, { name: 'workflow', jobs }),
    record: (job) => truth.jobs.get(jobKey(gitHub, job.id)) ?? null,
    runners: (pool) => [...truth.runners.values()].filter((runner) => runner.pool === pool),
    born: machines,
    alive: (pool) => machines(pool).filter((machine) => machine.diedAt === null),
    mostAlive: (pool) => mostAtOnce(machines(pool)),
    calls: (route) => sumOf(plot.calls, (name) => name.includes(route)),
    count: (metric, ...labels) =>
      sumOf(stage.counts, (name) => name === metric || name.startsWith(`${[metric, ...labels].join(' ')}`)),
    longestDeficit: () => Math.max(0, ...stage.deficits().map(({ ms }) => ms / 1_000)),
    async settle(withinMinutes) {
      const until = clock.now() + withinMinutes * 60_000;
      const isQuiet = () => isWorkOver(scene) && leftovers(scene, deployment).length === 0;
      while (clock.now() < until && !isQuiet()) {
        await clock.run(Math.min(until, clock.now() + 5_000));
        checkNoViolation();
      }
      await stage.checkQuiet();
      checkNoViolation();
    },
  };
}

function secondsAt(at: EpochMs): number {
  return Math.round((at - startsAt) / 1_000);
}

/** From `queued` until a runner has begun it; `null` while none has. */
export function waitSeconds(job: GitHubJob): number | null {
  return job.runner === null ? null : (job.startedAt - job.createdAt) / 1_000;
}

function sumOf(counts: ReadonlyMap<string, number>, isMeant: (name: string) => boolean): number {
  let sum = 0;
  for (const [name, count] of counts) if (isMeant(name)) sum += count;
  return sum;
}

function mostAtOnce(machines: readonly MachineView[]): number {
  const moves = machines.flatMap(({ bornAt, diedAt }) => [
    { at: bornAt, by: 1 },
    ...(diedAt === null ? [] : [{ at: diedAt, by: -1 }]),
  ]);
  let alive = 0;
  let most = 0;
  for (const { by } of moves.sort((a, b) => a.at - b.at || a.by - b.by)) {
    alive += by;
    most = Math.max(most, alive);
  }
  return most;
}
