// Runners: registered by a just-in-time configuration, connected, given one job, gone.
//
// An entry is made when the configuration is minted, and shows offline until the runner connects. An idle one is
// dropped after some minutes; one that ran its job is gone with it; one that vanished stays, offline, for a day,
// and if it was busy its job is failed after some minutes more. Only a runner without a job can be deleted.

import type { Cancel, Clock, EpochMs, Random } from '../../../ports/clock.ts';
import { type Assignment, labelsKey } from './assignment.ts';
import { createDeadlines } from './deadlines.ts';
import { makeGuid } from './identifiers.ts';
import { encodeJitConfig, jitConfigKey } from './jit-config.ts';
import { isBusy, isOnline, type Urls } from './payload.ts';
import { type Answer, conflict, done, notFound, unprocessable } from './refusal.ts';
import type { Runs } from './runs.ts';
import { drawMs, type Settings } from './settings.ts';
import type {
  Account,
  Conclusion,
  Job,
  Repository,
  Runner,
  RunnerGroup,
  State,
  StepReport,
} from './state.ts';
import type { StepDescription } from './workflow.ts';

/** GitHub's bounds: "Actions limits" and the runner's own validators. */
const runnerNameLengthMax = 64;
const labelsMax = 100;
const labelLengthMax = 256;
const registrationWindowMs = 300_000;

/** A repository's runners are in no group of their own making: GitHub shows this one. */
const repositoryGroup: RunnerGroup = {
  id: 1,
  name: 'Default',
  isDefault: true,
  visibility: 'all',
  repositories: new Set(),
  allowsPublicRepositories: true,
};

export interface RegistrationRequest {
  name: string;
  groupId: number;
  labels: readonly string[];
  workFolder: string;
}

/** Where a runner registers. */
export interface Place {
  account: Account;
  repository: Repository | null;
}

/** What a runner is told of its job. */
export interface AssignedJob {
  id: number;
  runId: number;
  runAttempt: number;
  name: string;
  workflow: string;
  repository: string;
  branch: string;
  headSha: string;
  matrixIndex: number;
  steps: readonly StepDescription[];
  /** For runners that only pretend. */
  durationMs: number;
  outcome: 'success' | 'failure';
}

/** A runner's side: what its listener does with GitHub. */
export interface RunnerSession {
  readonly runnerId: number;
  readonly name: string;
  /** `gone`: the registration was deleted or dropped, or its job was cancelled before it was fetched. */
  nextJob(): Promise<AssignedJob | 'gone'>;
  /** The long poll ended: a job that comes now waits for the next one, or is queued again. */
  stopWaiting(): void;
  /** `task` runs when the running job is to be cancelled; at once where it already is. */
  onCancel(task: () => void): void;
  /** Steps so far, for whoever looks at the job. */
  report(steps: readonly StepReport[]): void;
  /** False where GitHub ended the job before. */
  finish(conclusion: Conclusion, steps?: readonly StepReport[]): boolean;
  /** The machine is lost without a word. */
  vanish(): void;
}

export type Connected =
  | { outcome: 'connected'; session: RunnerSession }
  /** `unknown`: no such registration (any more); `expired`: minted too long ago; `conflict`: already connected. */
  | { outcome: 'refused'; reason: 'unknown' | 'expired' | 'conflict' };

export interface RunnersDeps {
  state: State;
  clock: Clock;
  random: Random;
  settings: Settings;
  urls: Urls;
  assignment: Assignment;
  runs: Pick<Runs, 'started' | 'finished' | 'offerAgain'>;
  watchRunner(runner: Runner): void;
}

/** The part of a session that the world drives. */
interface Line {
  waiting: ((job: AssignedJob | 'gone') => void) | null;
  cancelTask: (() => void) | null;
  /** Its machine vanished; GitHub does not know yet. */
  isSilent: boolean;
  /** The pick-up's moment has come: the job waits for the runner to ask. */
  isReady: boolean;
  /** Stops whatever is timed for the phase that the runner is in. */
  stopTimers: Cancel[];
}

export function createRunners(deps: RunnersDeps) {
  const { state, clock, random, settings, urls, assignment, runs } = deps;
  const lines = new Map<Runner, Line>();
  /** By the beginning of their configuration: see `jitConfigKey`. */
  const byJitConfig = new Map<string, Runner>();
  const registrations = new Map<Account | Repository, { startedAt: EpochMs; count: number }>();

  const entryLifetime = createDeadlines<{ runner: Runner; phase: 'registered' | 'offline' }>(
    clock,
    settings.offlineEntryLifetimeMs,
    ({ runner, phase }) => {
      if (runner.phase === phase && !runner.job) leave(runner);
    },
  );

  // ---- The App's side

  const register = (
    { account, repository }: Place,
    request: RegistrationRequest,
  ): Answer<{ runner: Runner; jitConfig: string }> => {
    const place = repository ?? account;
    const fault = registrationFault(request);
    if (fault) return unprocessable(fault);
    const group = repository ? repositoryGroup : account.groups.get(request.groupId);
    if (!group || (repository && request.groupId !== repositoryGroup.id)) return notFound();
    if (place.runnersByName.has(request.name)) {
      return conflict(`Already exists - A runner with the name ${request.name} already exists.`);
    }
    if (!repository && isFull(account, group, settings.runnersPerGroupMax)) {
      return unprocessable(
        `The runner group has reached its limit of ${settings.runnersPerGroupMax} runners.`,
      );
    }
    const waitSeconds = registrationWaitSeconds(place);
    if (waitSeconds > 0) {
      const message = 'You have exceeded the limit of runner registrations. Please try again later.';
      return { outcome: 'refused', status: 429, message, retryAfterSeconds: waitSeconds };
    }
    const runner = createRunner({ account, repository }, group, request);
    const jitConfig = encodeJitConfig({
      runner,
      secret: makeGuid(random),
      workFolder: request.workFolder,
      serverUrl: urls.runners,
      gitHubUrl: `${urls.web}/${repository?.fullName ?? account.login}`,
    });
    runner.jitConfig = jitConfig;
    byJitConfig.set(jitConfigKey(jitConfig), runner);
    return done({ runner, jitConfig });
  };

  const createRunner = (place: Place, group: RunnerGroup, { name, labels }: RegistrationRequest): Runner => {
    const runner: Runner = {
      id: state.nextId('runner'),
      name,
      account: place.account,
      repository: place.repository,
      group,
      labels,
      labelsLower: new Set(labels.map((label) => label.toLowerCase())),
      labelsKey: labelsKey(labels),
      os: 'unknown',
      version: null,
      phase: 'registered',
      job: null,
      jitConfig: '',
      mintedAt: clock.now(),
    };
    state.runners.set(runner.id, runner);
    runnersAt(place).set(runner.id, runner);
    (place.repository ?? place.account).runnersByName.set(name, runner);
    entryLifetime.add({ runner, phase: 'registered' });
    deps.watchRunner(runner);
    return runner;
  };

  const registrationWaitSeconds = (place: Account | Repository): number => {
    const now = clock.now();
    const window = registrations.get(place);
    if (!window || window.startedAt + registrationWindowMs <= now) {
      registrations.set(place, { startedAt: now, count: 1 });
      return 0;
    }
    if (window.count >= settings.registrationsPer5Minutes) {
      return Math.ceil((window.startedAt + registrationWindowMs - now) / 1_000);
    }
    window.count += 1;
    return 0;
  };

  /** Test-and-remove in one: a runner that has a job, fetched or not, stays. */
  const remove = (runner: Runner): Answer<null> => {
    if (runner.phase === 'gone') return notFound();
    if (isBusy(runner))
      return unprocessable(`Runner "${runner.name}" is currently running a job and cannot be deleted.`);
    leave(runner);
    return done(null);
  };

  // ---- The runner's side

  const connect = (jitConfig: string, version: string, os = 'linux'): Connected => {
    const runner = byJitConfig.get(jitConfigKey(jitConfig));
    if (runner?.jitConfig !== jitConfig) return { outcome: 'refused', reason: 'unknown' };
    if (isOnline(runner) || runner.job) return { outcome: 'refused', reason: 'conflict' };
    const isExpired = clock.now() - runner.mintedAt > settings.configurationLifetimeMs;
    if (isExpired && runner.phase === 'registered') return { outcome: 'refused', reason: 'expired' };
    runner.version = version;
    runner.os = os;
    const line: Line = { waiting: null, cancelTask: null, isSilent: false, isReady: false, stopTimers: [] };
    lines.set(runner, line);
    becomeIdle(runner, line);
    return { outcome: 'connected', session: sessionOf(runner, line) };
  };

  const sessionOf = (runner: Runner, line: Line): RunnerSession => {
    // A session that was replaced, or whose machine vanished, has no say any more.
    const isCurrent = (): boolean => lines.get(runner) === line && !line.isSilent;
    return {
      runnerId: runner.id,
      name: runner.name,
      nextJob: () =>
        new Promise((resolve) => {
          if (!isCurrent()) return resolve('gone');
          line.waiting = resolve;
          handOver(runner, line);
        }),
      stopWaiting: () => {
        if (isCurrent()) line.waiting = null;
      },
      onCancel: (task) => {
        if (!isCurrent()) return;
        line.cancelTask = task;
        if (runner.job?.cancelRequested) task();
      },
      report: (steps) => {
        if (isCurrent() && runner.phase === 'busy' && runner.job) runner.job.steps = steps;
      },
      finish: (conclusion, steps) => {
        if (!isCurrent() || runner.phase !== 'busy') return false;
        const { job } = runner;
        runner.job = null;
        leave(runner);
        if (!job) return false;
        runs.finished(job, conclusion, steps ?? plainSteps(job, conclusion, clock.now()));
        return true;
      },
      vanish: () => {
        if (isCurrent()) vanish(runner, line);
      },
    };
  };

  const becomeIdle = (runner: Runner, line: Line): void => {
    setPhase(runner, line, 'idle');
    if (settings.dropsIdleRunners) {
      line.stopTimers.push(clock.after(drawMs(settings.idleDrop, random), () => leave(runner)));
    }
    if (isRecent(runner.version ?? '', settings.oldestRunnerVersion)) assignment.addIdle(runner);
  };

  /** GitHub has decided: the runner counts as busy from here, though it learns of its job a moment later. */
  const assign = (job: Job, runner: Runner): void => {
    const line = lines.get(runner);
    if (!line) throw new Error(`runner ${runner.name} was assigned job ${job.id}, but is not connected`);
    job.assignedTo = runner;
    runner.job = job;
    line.isReady = false;
    setPhase(runner, line, 'assigned');
    line.stopTimers.push(
      clock.after(drawMs(settings.pickUp, random), () => {
        line.isReady = true;
        handOver(runner, line);
      }),
      clock.after(settings.pickUpTimeoutMs, () => takeBack(runner, line)),
    );
  };

  const handOver = (runner: Runner, line: Line): void => {
    const { waiting } = line;
    const { job } = runner;
    if (runner.phase !== 'assigned' || !line.isReady || !waiting || !job) return;
    line.waiting = null;
    setPhase(runner, line, 'busy');
    runs.started(job, runner);
    waiting(assignedJob(job));
  };

  const takeBack = (runner: Runner, line: Line): void => {
    const { job } = runner;
    if (!job) return;
    runner.job = null;
    if (line.isSilent) becomeOffline(runner, line);
    else becomeIdle(runner, line);
    runs.offerAgain(job);
  };

  /** The job was cancelled before it was fetched: since 2.336 the listener ends then. */
  const revoke = (runner: Runner): void => {
    runner.job = null;
    leave(runner);
  };

  const tellCancel = (runner: Runner): void => {
    lines.get(runner)?.cancelTask?.();
  };

  const vanish = (runner: Runner, line: Line): void => {
    line.isSilent = true;
    line.waiting = null;
    line.cancelTask = null;
    clock.after(settings.offlineAfterMs, () => {
      // One that was given a job meanwhile is found out when it does not fetch it.
      if (lines.get(runner) === line && runner.phase !== 'assigned') becomeOffline(runner, line);
    });
    deps.watchRunner(runner);
  };

  const becomeOffline = (runner: Runner, line: Line): void => {
    const { job } = runner;
    assignment.removeIdle(runner);
    setPhase(runner, line, 'offline');
    lines.delete(runner);
    entryLifetime.add({ runner, phase: 'offline' });
    if (!job) return;
    clock.after(Math.max(0, settings.lostJobAfterMs - settings.offlineAfterMs), () => {
      runs.finished(job, job.cancelRequested ? 'cancelled' : 'failure', job.steps);
      deps.watchRunner(runner);
    });
  };

  const leave = (runner: Runner): void => {
    const line = lines.get(runner);
    assignment.removeIdle(runner);
    lines.delete(runner);
    state.runners.delete(runner.id);
    byJitConfig.delete(jitConfigKey(runner.jitConfig));
    // Its deadlines remember it for a day, which must not cost 5 KB each.
    runner.jitConfig = '';
    runnersAt(runner).delete(runner.id);
    (runner.repository ?? runner.account).runnersByName.delete(runner.name);
    setPhase(runner, line, 'gone');
    line?.waiting?.('gone');
  };

  const setPhase = (runner: Runner, line: Line | undefined, phase: Runner['phase']): void => {
    runner.phase = phase;
    for (const stop of line?.stopTimers.splice(0) ?? []) stop();
    deps.watchRunner(runner);
  };

  return { register, remove, connect, assign, revoke, tellCancel };
}

function runnersAt({ account, repository }: Place): Map<number, Runner> {
  return repository?.runners ?? account.runners;
}

function isFull(account: Account, group: RunnerGroup, countMax: number): boolean {
  if (account.runners.size < countMax) return false;
  return [...account.runners.values()].filter((runner) => runner.group === group).length >= countMax;
}

function registrationFault({ name, labels }: RegistrationRequest): string | null {
  if (name.length === 0) return `Invalid property /name: ${JSON.stringify(name)} is too short.`;
  if (name.length > runnerNameLengthMax)
    return `Name is too long (maximum is ${runnerNameLengthMax} characters).`;
  if (labels.length === 0) return 'Invalid property /labels: [] is too short (minimum: 1).';
  if (labels.length > labelsMax) return `Invalid property /labels: too many items (maximum: ${labelsMax}).`;
  const bad = labels.find(
    (label) => label.length === 0 || label.length > labelLengthMax || label.includes(','),
  );
  return bad === undefined ? null : `Label ${JSON.stringify(bad.slice(0, labelLengthMax))} is invalid.`;
}

function assignedJob(job: Job): AssignedJob {
  const { run, stage } = job;
  return {
    id: job.id,
    runId: run.id,
    runAttempt: job.attempt,
    name: job.name,
    workflow: run.workflow.name,
    repository: run.repository.fullName,
    branch: run.workflow.branch ?? 'main',
    headSha: run.headSha,
    matrixIndex: job.matrixIndex,
    steps: stage.description.steps ?? [],
    durationMs: stage.description.durationMs ?? 0,
    outcome: stage.description.outcome ?? 'success',
  };
}

/** The steps of a job whose runner only pretended. */
function plainSteps(job: Job, conclusion: Conclusion, now: EpochMs): readonly StepReport[] {
  return ['Set up job', 'Run', 'Complete job'].map((name, index) => ({
    name,
    status: 'completed',
    conclusion: index === 1 ? conclusion : 'success',
    number: index + 1,
    startedAt: index === 2 ? now : job.startedAt,
    completedAt: index === 0 ? job.startedAt : now,
  }));
}

/** `2.336.0` against `2.329.0`, number by number. */
function isRecent(version: string, oldest: string): boolean {
  const [a, b] = [version, oldest].map((text) => text.split('.').map(Number));
  for (let i = 0; i < 3; i += 1) {
    const difference = (a?.[i] ?? 0) - (b?.[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
