// The stage of every simulation: the shipped handlers on virtual time, between a GitHub, hosts, a table and queues that
// fail as they are told to, with all checkers watching. Who plays on it, and what goes wrong, is handed in.

import { createMemoryBudgets } from '../../adapters/budgets/memory/index.ts';
import { createVirtualClock, type VirtualClock } from '../../adapters/clock/virtual/index.ts';
import { createSeededRandom, type SeededRandom } from '../../adapters/clock/virtual/random.ts';
import { createSimulatedGitHub } from '../../adapters/github/simulated/index.ts';
import type { Settings } from '../../adapters/github/simulated/settings.ts';
import type { Runner as GitHubRunner, WorkflowRun } from '../../adapters/github/simulated/state.ts';
import {
  createWorld,
  type Faults,
  fullPermissions,
  type World,
} from '../../adapters/github/simulated/world.ts';
import {
  createSimulatedGround,
  createSimulatedHost,
  type SimulatedFaults,
  type SimulatedGround,
  type SimulatedHost,
} from '../../adapters/hosts/simulated/index.ts';
import { type SimulatedHostOptions, simulatedHostOptions } from '../../adapters/hosts/simulated/options.ts';
import { createMemoryJobsTable } from '../../adapters/jobs-tables/memory/index.ts';
import type { QueueFaults } from '../../adapters/topics/in-process/index.ts';
import { type Configuration, poolByName } from '../../core/configuration.ts';
import type { RunnerTimes } from '../../core/deadline.ts';
import type { HostName, PoolName } from '../../core/ids.ts';
import type { Answer } from '../../flow/producer/answer.ts';
import type { Clock, EpochMs } from '../../ports/clock.ts';
import type { Change, Deadlines, JobsTable } from '../../ports/jobs-table.ts';
import { createPipeline, type Pipeline } from '../pipeline.ts';
import { watchBudgets } from './budgets.ts';
import { createBreakerChecker } from './checkers/breaker.ts';
import { createBudgetsChecker } from './checkers/budgets.ts';
import { createBusyKilledChecker } from './checkers/busy-killed.ts';
import type { Checker, Scene } from './checkers/checker.ts';
import { createDeadlinesChecker } from './checkers/deadlines.ts';
import { createDeficitMeter, type Deficit } from './checkers/deficit.ts';
import { createDoneChecker } from './checkers/done.ts';
import { createForwardChecker } from './checkers/forward.ts';
import { createHoldsChecker } from './checkers/holds.ts';
import { createIdleChecker } from './checkers/idle.ts';
import { createLedgerChecker } from './checkers/ledger.ts';
import { createLimitsChecker } from './checkers/limits.ts';
import { createNormalChecker } from './checkers/normal.ts';
import { createPlacesChecker } from './checkers/places.ts';
import { createPublisherChecker } from './checkers/publisher.ts';
import { leftovers } from './checkers/quiet.ts';
import { createRemovedChecker } from './checkers/removed.ts';
import { createRerunsChecker } from './checkers/reruns.ts';
import { createScopesChecker } from './checkers/scopes.ts';
import { createSecondOrdersChecker } from './checkers/second-orders.ts';
import { isOfferedAtOnce } from './clairvoyant.ts';
import { createEventLog, type EventLog } from './event-log.ts';
import type { Mischief } from './faults.ts';
import { deploymentOf, gitHub, organisations, startsAt } from './landscape.ts';
import { createProgram } from './machines.ts';
import { type Counts, createRecorder } from './recorder.ts';
import { createStations, type HurtStep, type Life } from './stations.ts';
import { type Truth, watchTable } from './truth.ts';
import { wordsOfJob, wordsOfLane, wordsOfRunner } from './words.ts';

export interface StageTerms {
  seed: number;
  configuration: Configuration;
  mischief: Mischief;
  faults: StageFaults;
  /** Nothing fails at all, neither by chance nor by a script. */
  isCalm?: boolean;
  /** How GitHub differs from the real one's habits. */
  settings?: Partial<Settings>;
  /** GitHub's clock is ahead of ours by this; behind where it is negative. */
  gitHubAheadMs?: number;
}

/** What goes wrong, at each place where something can. */
export interface StageFaults {
  gitHub: Faults;
  host(name: HostName, options: SimulatedHostOptions): SimulatedFaults;
  queue(name: string): QueueFaults<unknown> | undefined;
  /** GitHub answers nothing just now: nobody can register a runner, or learn what became of a job. */
  isGitHubDown?(): boolean;
  /** Asked at each step of each handler, beside the mischief's own crashes and stalls. */
  hurt?: HurtStep;
}

export interface Violation {
  at: number;
  checker: string;
  text: string;
  subjects: readonly string[];
}

export interface Stage {
  clock: VirtualClock;
  random: SeededRandom;
  scene: Scene;
  world: World;
  truth: Truth;
  log: EventLog;
  counts: Counts;
  violations: readonly Violation[];
  /** From `queued` to `in_progress` at GitHub, of the jobs that are offered as soon as they are made. */
  waitsMs: readonly number[];
  /** Jobs that got a runner so far, and machines that were launched. */
  started(): number;
  births(): number;
  deficits(): readonly Deficit[];
  /** Steps of the clock so far. */
  steps(): number;
  start(): void;
  /** The whole process dies, and is back after a while, perhaps with another configuration. */
  kill(downMs: number, next?: Configuration): void;
  /** The live instance of a host, for what happens to its machines; `null` while the process is down. */
  host(name: HostName): SimulatedHost | null;
  /** Lets time pass until it is done, or `ends`; a first violation is enough: what follows says nothing new. */
  until(ends: EpochMs, isDone: () => boolean): Promise<void>;
  /** At quiet: fails for what is left over, and compares all books. */
  checkQuiet(): Promise<void>;
}

const lookEveryMs = 5_000;
const settledEveryMs = 20_000;
/** Jobs that never end are a failure; the first few say enough. */
const leftoversShown = 5;

export function createStage(terms: StageTerms): Stage {
  const { mischief, faults } = terms;
  const random = createSeededRandom(terms.seed);
  const clock = createVirtualClock(startsAt);
  const log = createEventLog(clock.now);
  const deployment = deploymentOf(terms.seed);
  const violations: Violation[] = [];
  const checkers: Checker[] = [];
  const waitsMs: number[] = [];
  let started = 0;
  let births = 0;
  /** Newest last, each with the time from which it was in force. */
  const configurations = [{ from: 0, configuration: terms.configuration }];
  const configurationNow = (): Configuration => configurations.at(-1)?.configuration ?? terms.configuration;
  const tell = (say: (checker: Checker) => void): void => {
    for (const checker of checkers) say(checker);
  };

  // ---- GitHub

  const gitHubRunners = new Map<string, GitHubRunner>();
  const world = createWorld({
    clock: aheadBy(clock, terms.gitHubAheadMs ?? 0),
    random: random.fork('github'),
    ...(terms.settings ? { settings: terms.settings } : {}),
    faults: faults.gitHub,
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
      rerun(run) {
        log.add('run again', run.id, `attempt ${run.attempt}`);
        tell((checker) => checker.rerun?.(run as WorkflowRun));
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

  const durable = createMemoryJobsTable({
    clock,
    deadlines: { ofRunner: (runner) => deadlines.ofRunner(runner), ofJob: (job) => deadlines.ofJob(job) },
    onChanges: (changes) => onChanges(changes),
    conflicts: () => mischief.happens('conflict'),
    indexLag: () => (mischief.happens('indexLag') ? mischief.random('indexLag').int(indexLagMsMax) : 0),
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
    job(job) {
      log.add('written', job.id, wordsOfJob(job));
      tell((checker) => checker.jobWritten?.(job));
    },
  });
  const budgets = watchBudgets(createMemoryBudgets());
  const grounds = new Map<HostName, SimulatedGround>();
  const groundOf = (name: HostName): SimulatedGround => {
    const known = grounds.get(name);
    if (known) return known;
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
    return ground;
  };
  for (const { name } of terms.configuration.hosts) groundOf(name);

  const recorder = createRecorder(log, {
    counted: (metric, labels, by) => tell((checker) => checker.counted?.(metric, labels, by)),
    said: (level, message, text) => tell((checker) => checker.said?.(level, message, text)),
  });

  // ---- The process, which may be killed

  let deadlines: Deadlines = { ofRunner: () => null, ofJob: () => null };
  let onChanges: (changes: Change[]) => void = () => {};
  let process: { pipeline: Pipeline; life: Life; hosts: Map<HostName, SimulatedHost> } | null = null;
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
    const hosts = new Map<HostName, SimulatedHost>();
    const chance = random.fork(`process ${starts}`);
    const configuration = configurationNow();
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
              faults: faults.host(name, parsed),
              ground: groundOf(name),
            });
            hosts.set(name, host);
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
        ...(faults.hurt ? { hurt: faults.hurt } : {}),
      }),
      faults: faults.queue,
    });
    process = { pipeline, life, hosts };
    log.add('process starts', starts);
    pipeline.start().catch(() => {});
    tickFrom(pipeline, life, configuration.timing.tickMs);
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

  function tickFrom(pipeline: Pipeline, life: Life, tickMs: number): void {
    clock.after(tickMs, () => {
      if (life.isOver) return;
      // One that failed was told of in the timeline, and the next one comes.
      pipeline.tick().catch(() => {});
      tickFrom(pipeline, life, tickMs);
    });
  }

  function kill(downMs: number, next?: Configuration): void {
    if (process === null) return;
    log.add('process is killed', starts);
    process.life.isOver = true;
    void process.pipeline.close();
    for (const host of process.hosts.values()) host.close();
    process = null;
    onChanges = () => {};
    if (next) configurations.push({ from: clock.now(), configuration: next });
    clock.after(downMs, startProcess);
  }

  // ---- Who watches

  const timesOf = (pool: PoolName, host: HostName): RunnerTimes => {
    const configuration = configurationNow();
    const settings = poolByName(configuration, pool);
    const options = configuration.hosts.find(({ name }) => name === host)?.options;
    return {
      ...configuration.timing,
      bootMs: settings?.bootMs ?? configuration.timing.bootMs,
      idleMs: settings?.idleMs ?? configuration.timing.idleMs,
      jobMsMax: settings?.jobMsMax ?? 0,
      endGraceMs: simulatedHostOptions.parse(options).endGraceMs,
      reuseMs: settings?.reuseMs ?? 0,
    };
  };
  const timesKnown = new Map<string, RunnerTimes>();
  const scene: Scene = {
    clock,
    get configuration() {
      return configurationNow();
    },
    configurationAt: (at) =>
      configurations.findLast(({ from }) => from <= at)?.configuration ?? terms.configuration,
    world,
    gitHubRunners,
    grounds,
    truth,
    table: durable,
    timesOf(pool, host) {
      const key = `${configurations.length} ${pool} ${host}`;
      const times = timesKnown.get(key) ?? timesOf(pool, host);
      timesKnown.set(key, times);
      return times;
    },
    budgetSpentUntil: budgets.spentUntil,
    isGitHubDown: () => faults.isGitHubDown?.() ?? false,
    mischief,
    isCalm: terms.isCalm ?? false,
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
    createForwardChecker(scene),
    createSecondOrdersChecker(scene),
    createIdleChecker(scene),
    createBreakerChecker(scene),
    createPlacesChecker(scene),
    createScopesChecker(scene),
    createDoneChecker(scene),
    createHoldsChecker(scene),
    createRemovedChecker(scene),
    createRerunsChecker(scene),
    createBudgetsChecker(scene),
    createNormalChecker(scene),
    meter.checker,
  );

  let steps = 0;

  return {
    clock,
    random,
    scene,
    world,
    truth,
    log,
    counts: recorder.counts,
    violations,
    waitsMs,
    started: () => started,
    births: () => births,
    deficits: () => meter.deficits(),
    steps: () => steps,
    start() {
      startProcess();
      everyLook();
    },
    kill,
    host: (name) => process?.hosts.get(name) ?? null,
    async until(ends, isDone) {
      while (violations.length === 0 && clock.now() < ends && !isDone()) {
        steps += await clock.run(Math.min(ends, clock.now() + settledEveryMs));
      }
    },
    async checkQuiet() {
      for (const { text, subject } of leftovers(scene, deployment).slice(0, leftoversShown))
        scene.fail('quiet', text, [subject]);
      for (const checker of checkers) await checker.recount?.();
    },
  };

  function everyLook(): void {
    clock.after(lookEveryMs, () => {
      tell((checker) => checker.look?.());
      for (const checker of checkers) void checker.recount?.();
      everyLook();
    });
  }
}

const indexLagMsMax = 10_000;

/** The same time, told by a clock that is wrong. */
function aheadBy(clock: Clock, aheadMs: number): Clock {
  return aheadMs === 0 ? clock : { ...clock, now: () => clock.now() + aheadMs };
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
    world.install(login, { permissions: { ...fullPermissions, actions: 'write' } });
  }
}
