// One simulation: the shipped handlers on virtual time, between a GitHub, two hosts, a table and queues that fail as a
// profile says. A storm of jobs, then quiet, in which everything must settle. The same seed gives the same run.

import { createMemoryBudgets } from '../../adapters/budgets/memory/index.ts';
import { createVirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createSeededRandom } from '../../adapters/clock/virtual/random.ts';
import { createSimulatedGitHub } from '../../adapters/github/simulated/index.ts';
import type { Runner as GitHubRunner } from '../../adapters/github/simulated/state.ts';
import { createWorld, type World } from '../../adapters/github/simulated/world.ts';
import {
  createSimulatedGround,
  createSimulatedHost,
  type SimulatedGround,
  type SimulatedHost,
} from '../../adapters/hosts/simulated/index.ts';
import { simulatedHostOptions } from '../../adapters/hosts/simulated/options.ts';
import { createMemoryJobsTable } from '../../adapters/jobs-tables/memory/index.ts';
import { poolByName } from '../../core/configuration.ts';
import type { RunnerTimes } from '../../core/deadline.ts';
import type { HostName, PoolName } from '../../core/ids.ts';
import type { Answer } from '../../flow/producer/answer.ts';
import type { Change, Deadlines, JobsTable } from '../../ports/jobs-table.ts';
import { createPipeline, type Pipeline } from '../pipeline.ts';
import { watchBudgets } from './budgets.ts';
import { createBusyKilledChecker } from './checkers/busy-killed.ts';
import type { Checker, Scene } from './checkers/checker.ts';
import { isOfferedAtOnce } from './clairvoyant.ts';
import { createDeadlinesChecker } from './checkers/deadlines.ts';
import { createDeficitMeter, type Deficit } from './checkers/deficit.ts';
import { createLedgerChecker } from './checkers/ledger.ts';
import { createLimitsChecker } from './checkers/limits.ts';
import { createPublisherChecker } from './checkers/publisher.ts';
import { isWorkOver, leftovers } from './checkers/quiet.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import { createMischief, type FaultKind, type Rates } from './faults.ts';
import { configuration, deploymentOf, gitHub, organisations, startsAt } from './landscape.ts';
import { createProgram } from './machines.ts';
import { type Counts, createRecorder } from './recorder.ts';
import { createStations, type Life } from './stations.ts';
import { type Truth, watchTable } from './truth.ts';
import { wordsOfJob, wordsOfLane, wordsOfRunner } from './words.ts';
import { startWorkload } from './workload.ts';
import { gitHubFaults, hostFaults, queueFaults } from './world-faults.ts';

export interface SimulationTerms {
  seed: number;
  rates: Rates;
  jobs?: number;
  stormMs?: number;
}

export interface Violation {
  at: number;
  checker: string;
  text: string;
  subjects: readonly string[];
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
export const stormMsDefault = 25 * 60_000;
/** Longer than the rarest look (an hour, at a job that waits for an approval) and its repair. */
const settleMsMax = 80 * 60_000;
/** GitHub may hold a job for so long after the last one was started. */
const drainMsMax = 3 * 60 * 60_000;
const lookEveryMs = 5_000;
const settledEveryMs = 20_000;
/** A killed process is back after this. */
const downMsMax = 15_000;
const minuteMs = 60_000;
/** Jobs that never end are a failure; the first few say enough. */
const leftoversShown = 5;

export async function runSimulation(terms: SimulationTerms): Promise<Result> {
  const random = createSeededRandom(terms.seed);
  const clock = createVirtualClock(startsAt);
  const log = createEventLog(clock.now);
  const mischief = createMischief(terms.rates, random.fork('mischief'));
  const deployment = deploymentOf(terms.seed);
  const violations: Violation[] = [];
  const checkers: Checker[] = [];
  const waitsMs: number[] = [];
  let started = 0;
  let births = 0;
  const tell = (say: (checker: Checker) => void): void => {
    for (const checker of checkers) say(checker);
  };

  // ---- GitHub

  const gitHubRunners = new Map<string, GitHubRunner>();
  const world = createWorld({
    clock,
    random: random.fork('github'),
    settings: idleDropOf(terms.rates),
    faults: gitHubFaults(mischief),
    watch: {
      job(job) {
        log.add(`job ${job.status}`, job.id, job.conclusion ?? job.runner?.name ?? '');
        if (job.status !== 'in_progress') return;
        started += 1;
        if (isOfferedAtOnce(job)) waitsMs.push(job.startedAt - job.createdAt);
      },
      runner(runner) {
        log.add(`runner ${runner.phase} at GitHub`, runner.name, runner.job ? String(runner.job.id) : '');
        if (runner.phase === 'gone') gitHubRunners.delete(runner.name);
        else gitHubRunners.set(runner.name, runner as GitHubRunner);
      },
    },
    deliver: async (delivery) => {
      const { pipeline } = running();
      const headers = delivery.headers();
      const answer = await pipeline.doors.webhook({
        signature: headers['x-hub-signature-256'] ?? null,
        event: headers['x-github-event'] ?? null,
        delivery: delivery.guid,
        body: Buffer.from(delivery.body()),
      });
      return { statusCode: answer.status };
    },
  });
  populate(world);

  // ---- The table, the hosts' grounds, the budgets: what outlives a process

  const conflictChance = (): boolean => mischief.happens('conflict');
  const durable = createMemoryJobsTable({
    clock,
    deadlines: { ofRunner: (runner) => deadlines.ofRunner(runner), ofJob: (job) => deadlines.ofJob(job) },
    onChanges: (changes) => onChanges(changes),
    conflicts: conflictChance,
    indexLag: () => (mischief.happens('indexLag') ? mischief.random('indexLag').int(10_000) : 0),
  });
  const { table, truth } = watchTable(durable, {
    committed(commit) {
      log.add('commit', commit.host, String(commit.ledger.version));
      for (const lane of commit.lanes) log.add('books', lane.key, wordsOfLane(lane));
      for (const lane of commit.lanesEmptied) log.add('books', lane.key, 'empty');
      tell((checker) => checker.committed?.(commit));
    },
    runner(runner) {
      log.add('written', runner.name, wordsOfRunner(runner));
      tell((checker) => checker.runnerWritten?.(runner));
    },
    job: (job) => log.add('written', job.id, wordsOfJob(job)),
  });
  const budgets = watchBudgets(createMemoryBudgets());
  const grounds = new Map<HostName, SimulatedGround>();
  for (const { name } of configuration.hosts) {
    const ground = createSimulatedGround({
      clock,
      observer: {
        born(machine) {
          births += 1;
          log.add('machine born', machine.name, machine.machine);
          tell((checker) => checker.born?.(name, machine));
        },
        activated: (machine, former) => log.add('machine activated', machine.name, former),
        died(machine, cause) {
          log.add('machine died', machine.name, cause);
          tell((checker) => checker.died?.(name, machine, cause));
        },
      },
    });
    grounds.set(name, ground);
  }

  const recorder = createRecorder(log, {
    counted: (metric, labels, by) => tell((checker) => checker.counted?.(metric, labels, by)),
    said: (level, message, text) => tell((checker) => checker.said?.(level, message, text)),
  });

  // ---- The process, which may be killed

  let deadlines: Deadlines = { ofRunner: () => null, ofJob: () => null };
  let onChanges: (changes: Change[]) => void = () => {};
  let process: { pipeline: Pipeline; life: Life; hosts: SimulatedHost[] } | null = null;
  let starts = 0;

  const running = () => {
    if (process === null) throw new Error('the process is down');
    return process;
  };
  const claim = async (body: unknown): Promise<Answer> => running().pipeline.doors.claim(body);
  const github = createSimulatedGitHub(world);

  function startProcess(): void {
    starts += 1;
    const life: Life = { isOver: false };
    const hosts: SimulatedHost[] = [];
    const chance = random.fork(`process ${starts}`);
    const pipeline = createPipeline({
      clock,
      random: chance,
      configuration,
      gitHubName: gitHub,
      deployment,
      table(changed, ofItems): JobsTable {
        onChanges = changed;
        deadlines = ofItems;
        return table;
      },
      github,
      budgets,
      hosts: (doors) =>
        new Map(
          configuration.hosts.map(({ name, options }) => {
            const parsed = simulatedHostOptions.parse(options);
            const host = createSimulatedHost({
              deployment: deployment.prefix,
              options: parsed,
              clock,
              random: chance.fork(`host ${name}`),
              program: createProgram({
                clock,
                random: chance.fork(`machines ${name}`),
                mischief,
                world,
                log,
                claim,
              }),
              onEvent: (event) => doors.hostEvent(name, event),
              faults: hostFaults(mischief, parsed),
              ...(grounds.has(name) ? { ground: grounds.get(name) as SimulatedGround } : {}),
            });
            hosts.push(host);
            return [name, watchEndings(host, name)];
          }),
        ),
      webhookSecrets: [world.app.webhookSecret],
      claimUrl: 'https://runners.example/runners/claim',
      telemetry: recorder.telemetry,
      station: createStations({
        clock,
        random: chance.fork('stations'),
        mischief,
        life,
        onHurt: (station, how, step) => log.add(`a handler ${how}`, station, step),
      }),
      faults: () => queueFaults(mischief),
    });
    process = { pipeline, life, hosts };
    log.add('process starts', starts);
    void pipeline.start();
    tickFrom(pipeline, life);
  }

  function watchEndings(host: SimulatedHost, name: HostName): SimulatedHost {
    return {
      ...host,
      terminate(target) {
        log.add('told to end', target.name, target.machine ?? '');
        tell((checker) => checker.toldToEnd?.(name, target.name));
        return host.terminate(target);
      },
    };
  }

  function tickFrom(pipeline: Pipeline, life: Life): void {
    clock.after(configuration.timing.tickMs, () => {
      if (life.isOver) return;
      void pipeline.tick();
      tickFrom(pipeline, life);
    });
  }

  function killProcess(): void {
    if (process === null) return;
    log.add('process is killed', starts);
    process.life.isOver = true;
    void process.pipeline.close();
    for (const host of process.hosts) host.close();
    process = null;
    onChanges = () => {};
    clock.after(1_000 + mischief.random('restart').int(downMsMax), startProcess);
  }

  // ---- Who watches

  const timesOf = (pool: PoolName, host: HostName): RunnerTimes => {
    const settings = poolByName(configuration, pool);
    const options = configuration.hosts.find(({ name }) => name === host)?.options;
    return {
      ...configuration.timing,
      bootMs: settings?.bootMs ?? configuration.timing.bootMs,
      idleMs: settings?.idleMs ?? configuration.timing.idleMs,
      jobMsMax: settings?.jobMsMax ?? 0,
      endGraceMs: simulatedHostOptions.parse(options).endGraceMs,
    };
  };
  const times = new Map(configuration.pools.map((pool) => [pool.name, timesOf(pool.name, pool.host)]));
  const scene: Scene = {
    clock,
    configuration,
    world,
    gitHubRunners,
    grounds,
    truth,
    table: durable,
    timesOf: (pool, host) => times.get(pool) ?? timesOf(pool, host),
    budgetSpentUntil: budgets.spentUntil,
    mischief,
    fail(checker, text, subjects = []) {
      log.add('VIOLATION', checker, text);
      violations.push({ at: clock.now(), checker, text, subjects });
    },
  };
  const meter = createDeficitMeter(scene);
  checkers.push(
    createLimitsChecker(scene),
    createBusyKilledChecker(scene),
    createDeadlinesChecker(scene),
    createLedgerChecker(scene),
    createPublisherChecker(scene),
    meter.checker,
  );

  // ---- The run

  let steps = 0;
  /** A first violation is enough: what follows from it says nothing new. */
  const until = async (ends: number, isDone: () => boolean): Promise<void> => {
    while (violations.length === 0 && clock.now() < ends && !isDone()) {
      steps += await clock.run(Math.min(ends, clock.now() + settledEveryMs));
    }
  };

  startProcess();
  everyLook();
  everyRestart();
  const workload = startWorkload(
    { clock, random: random.fork('workload'), mischief, world },
    { jobs: terms.jobs ?? jobsDefault, stormMs: terms.stormMs ?? stormMsDefault },
  );
  await until(workload.endsAt + drainMsMax, () => clock.now() > workload.endsAt && isWorkOver(scene));
  mischief.stop();
  await until(clock.now() + settleMsMax, () => leftovers(scene, deployment).length === 0);
  if (violations.length === 0) {
    for (const { text, subject } of leftovers(scene, deployment).slice(0, leftoversShown))
      scene.fail('quiet', text, [subject]);
    for (const checker of checkers) await checker.recount?.();
  }

  return {
    seed: terms.seed,
    violations,
    deficits: meter.deficits(),
    injected: mischief.injected(),
    steps,
    virtualMs: clock.now() - startsAt,
    jobs: world.state.jobs.size,
    counts: recorder.counts,
    started,
    births,
    waitsMs,
    hash: log.hash(),
    log,
    truth,
    world,
  };

  function everyLook(): void {
    clock.after(lookEveryMs, () => {
      tell((checker) => checker.look?.());
      for (const checker of checkers) void checker.recount?.();
      everyLook();
    });
  }

  function everyRestart(): void {
    clock.after(minuteMs, () => {
      if (mischief.happens('restart')) killProcess();
      everyRestart();
    });
  }
}

/** GitHub's own habit, made quicker where that is the fault. */
function idleDropOf(rates: Rates) {
  const isQuick = (rates.idleDrop ?? 0) > 0;
  return isQuick ? { idleDrop: { minMs: minuteMs, maxMs: 2 * minuteMs } } : {};
}

function populate(world: World): void {
  for (const { login, repositories } of organisations) {
    world.addOrganisation(login);
    for (const { name } of repositories) world.addRepository(name);
    world.addRunnerGroup(login, 'special', {
      repositories: repositories
        .filter((repository) => repository.isSpecial)
        .map((repository) => repository.name),
    });
    world.install(login);
  }
}
