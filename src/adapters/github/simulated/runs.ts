// Workflow runs and their jobs: from the push to the conclusion, re-runs and cancellations included.
//
// A job is created when what it needs has succeeded; skipped where something it needs did not; `waiting` while
// its environment wants an approval; then `queued` (and perhaps held back by `max-parallel`, which nobody is
// told), `in_progress`, `completed`. Each step but the hidden ones is announced by a webhook.

import type { Clock, Random } from '../../../ports/clock.ts';
import { type Assignment, labelsKey } from './assignment.ts';
import { createDeadlines } from './deadlines.ts';
import type { Deliveries } from './deliveries.ts';
import { createShas } from './identifiers.ts';
import type { Settings } from './settings.ts';
import type {
  Conclusion,
  Job,
  JobRunner,
  Repository,
  Runner,
  Stage,
  State,
  StepReport,
  WorkflowRun,
} from './state.ts';
import { type WorkflowDescription, workflowFault } from './workflow.ts';

export interface RunsDeps {
  state: State;
  clock: Clock;
  random: Random;
  settings: Settings;
  deliveries: Deliveries;
  assignment: Assignment;
  /** The runner that was given the job and has not fetched it must forget it. */
  revoke(runner: Runner): void;
  /** The runner that runs the job must be told to stop. */
  tellCancel(runner: Runner): void;
  watchJob(job: Job): void;
}

export interface Runs {
  start(repository: Repository, workflow: WorkflowDescription): WorkflowRun;
  /** A new attempt with new job ids, of all, those that failed, or one; false while the run is not completed. */
  rerun(run: WorkflowRun, which: Which): boolean;
  /** False where it is completed already. */
  cancelRun(run: WorkflowRun): boolean;
  cancelJob(job: Job): boolean;
  /** Lets the waiting jobs of this name (or all of the run) into the queue; how many. */
  approve(run: WorkflowRun, name?: string): number;
  /** The runner fetched its job. */
  started(job: Job, runner: Runner): void;
  finished(job: Job, conclusion: Conclusion, steps: readonly StepReport[]): void;
  /** The runner that was given the job did not fetch it. */
  offerAgain(job: Job): void;
}

/** Of a run's latest attempt. What needs them is run again with them. */
type Which = 'all' | 'failed' | Job;

export function createRuns(deps: RunsDeps): Runs {
  const { state, clock, random, settings, deliveries, assignment } = deps;

  const nextSha = createShas(random);
  const expiry = createDeadlines<Job>(clock, settings.queueExpiryMs, (job) => {
    if (job.status === 'queued') cancelJob(job);
  });
  const cancelTimeouts = createDeadlines<Job>(clock, settings.cancelTimeoutMs, (job) => {
    if (job.status === 'in_progress') finished(job, 'cancelled', job.steps);
  });
  const retention = createDeadlines<WorkflowRun>(clock, settings.runRetentionMs, (run) => {
    if (run.status === 'completed' && run.updatedAt + settings.runRetentionMs <= clock.now()) forget(run);
  });

  const start = (repository: Repository, workflow: WorkflowDescription): WorkflowRun => {
    const fault = workflowFault(workflow);
    if (fault) throw new Error(`workflow "${workflow.name}" can not be started: ${fault}`);
    const now = clock.now();
    const run: WorkflowRun = {
      id: state.nextId('run'),
      number: repository.runs.size + 1,
      repository,
      workflow,
      attempt: 1,
      status: 'queued',
      conclusion: null,
      createdAt: now,
      startedAt: now,
      updatedAt: now,
      headSha: nextSha(),
      jobs: [],
      stages: new Map(),
    };
    state.runs.set(run.id, run);
    repository.runs.set(run.id, run);
    beginAttempt(run, null);
    return run;
  };

  const rerun = (run: WorkflowRun, which: Which): boolean => {
    if (run.status !== 'completed') return false;
    const again = which === 'all' ? null : placesAgain(run, which);
    run.attempt += 1;
    run.startedAt = clock.now();
    run.conclusion = null;
    run.status = 'queued';
    beginAttempt(run, again);
    return true;
  };

  /** `again`: by stage, its places to run, `null` for all of them; a stage that it lacks stays as it ended. */
  const beginAttempt = (
    run: WorkflowRun,
    again: ReadonlyMap<string, readonly number[] | null> | null,
  ): void => {
    const earlier = run.stages;
    run.stages = new Map();
    for (const description of run.workflow.jobs) {
      const { name } = description;
      const isRun = again === null || again.has(name);
      const places = again?.get(name) ?? null;
      const before = earlier.get(name);
      run.stages.set(name, {
        description,
        jobs: isRun ? null : [],
        open: 0,
        again: places,
        kept: places === null ? [] : conclusionsBut(before, places),
        conclusion: isRun ? null : (before?.conclusion ?? null),
        heldBack: [],
      });
    }
    run.repository.activeRuns.set(run.id, run);
    openStages(run);
  };

  /** Creates the jobs of each stage whose needs have ended, until nothing more can start. */
  const openStages = (run: WorkflowRun): void => {
    for (const stage of run.stages.values()) {
      if (stage.jobs !== null) continue;
      const needs = (stage.description.needs ?? []).map((need) => run.stages.get(need)?.conclusion ?? null);
      if (needs.some((conclusion) => conclusion === null)) continue;
      if (needs.every((conclusion) => conclusion === 'success') && !stage.description.skip) open(run, stage);
      else skip(run, stage);
    }
    settle(run);
  };

  const open = (run: WorkflowRun, stage: Stage): void => {
    const all = Array.from({ length: stage.description.matrix ?? 1 }, (_, index) => index);
    stage.jobs = (stage.again ?? all).map((index) => createJob(run, stage, index));
    stage.open = stage.jobs.length;
    for (const job of stage.jobs) {
      if (stage.description.approval) holdForApproval(job);
      else enqueue(job);
    }
  };

  const holdForApproval = (job: Job): void => {
    job.status = 'waiting';
    // Both actions were seen for a job that waits: the official examples have `queued` with status `waiting`.
    deliveries.announce(job, random() < 0.5 ? 'waiting' : 'queued');
    deps.watchJob(job);
  };

  const enqueue = (job: Job): void => {
    job.status = 'queued';
    expiry.add(job);
    deliveries.announce(job, 'queued');
    deps.watchJob(job);
    const { maxParallel } = job.stage.description;
    if (maxParallel !== undefined && offeredOrRunning(job.stage) > maxParallel) job.stage.heldBack.push(job);
    else assignment.offer(job);
  };

  const offeredOrRunning = (stage: Stage): number => {
    const queued = stage.jobs?.filter((job) => job.status === 'queued' || job.status === 'in_progress') ?? [];
    return queued.length - stage.heldBack.length;
  };

  const skip = (run: WorkflowRun, stage: Stage): void => {
    const job = createJob(run, stage, 0, stage.description.name);
    stage.jobs = [job];
    stage.conclusion = 'skipped';
    complete(job, 'skipped', []);
  };

  const createJob = (run: WorkflowRun, stage: Stage, matrixIndex: number, name?: string): Job => {
    const { description } = stage;
    const now = clock.now();
    const job: Job = {
      id: state.nextId('job'),
      run,
      attempt: run.attempt,
      stage,
      name: name ?? (description.matrix ? `${description.name} (${matrixIndex + 1})` : description.name),
      matrixIndex,
      labels: description.labels,
      labelsKey: labelsKey(description.labels),
      status: 'queued',
      conclusion: null,
      createdAt: now,
      startedAt: now,
      completedAt: null,
      steps: [],
      runner: null,
      assignedTo: null,
      cancelRequested: false,
      offer: 0,
    };
    run.jobs.push(job);
    state.jobs.set(job.id, job);
    return job;
  };

  const started = (job: Job, runner: Runner): void => {
    job.status = 'in_progress';
    job.startedAt = clock.now();
    job.runner = jobRunner(runner);
    job.steps = [setUpStep(clock.now())];
    settle(job.run);
    deliveries.announce(job, 'in_progress');
    deps.watchJob(job);
  };

  const finished = (job: Job, conclusion: Conclusion, steps: readonly StepReport[]): void => {
    if (job.status === 'completed') return;
    const { stage, run } = job;
    complete(job, conclusion, steps);
    stage.open -= 1;
    if (conclusion === 'failure' && stage.description.matrix && stage.description.failFast !== false) {
      cancelAll(stage.jobs ?? []);
    }
    offerHeldBack(stage);
    if (stage.open === 0 && stage.conclusion === null) {
      stage.conclusion = worst([...stage.kept, ...(stage.jobs ?? []).map((each) => each.conclusion)]);
      openStages(run);
    } else settle(run);
  };

  const complete = (job: Job, conclusion: Conclusion, steps: readonly StepReport[]): void => {
    assignment.withdraw(job);
    job.status = 'completed';
    job.conclusion = conclusion;
    job.completedAt = clock.now();
    job.steps = steps;
    if (job.assignedTo?.job === job) job.assignedTo.job = null;
    job.assignedTo = null;
    deliveries.announce(job, 'completed');
    deps.watchJob(job);
  };

  const offerHeldBack = (stage: Stage): void => {
    const { maxParallel } = stage.description;
    if (maxParallel === undefined) return;
    stage.heldBack = stage.heldBack.filter((job) => job.status === 'queued' && !job.cancelRequested);
    while (stage.heldBack.length > 0 && offeredOrRunning(stage) < maxParallel) {
      const next = stage.heldBack.shift();
      if (next) assignment.offer(next);
    }
  };

  const settle = (run: WorkflowRun): void => {
    run.updatedAt = clock.now();
    if (run.status === 'completed') return;
    if (isOver(run)) {
      run.status = 'completed';
      run.conclusion = worst([...run.stages.values()].map((stage) => stage.conclusion));
      run.repository.activeRuns.delete(run.id);
      retention.add(run);
      return;
    }
    // A run that has started stays so, whatever waits in it.
    if (run.status === 'in_progress') return;
    const jobs = [...run.stages.values()].flatMap((stage) => stage.jobs ?? []);
    if (jobs.some((job) => job.runner !== null)) run.status = 'in_progress';
    else run.status = jobs.some((job) => job.status === 'queued') ? 'queued' : 'waiting';
  };

  const cancelRun = (run: WorkflowRun): boolean => {
    if (run.status === 'completed') return false;
    const stages = [...run.stages.values()];
    // What was not created yet never will be.
    for (const stage of stages.filter((each) => each.jobs === null)) {
      stage.jobs = [];
      stage.conclusion = 'cancelled';
    }
    cancelAll(stages.flatMap((stage) => stage.jobs ?? []));
    settle(run);
    return true;
  };

  const cancelAll = (jobs: readonly Job[]): void => {
    const open = jobs.filter((job) => job.status !== 'completed');
    // All are marked before the first ends, so that none of them is let out of `max-parallel` on the way.
    const fresh = open.filter((job) => !job.cancelRequested);
    for (const job of fresh) job.cancelRequested = true;
    for (const job of fresh) endCancelled(job);
  };

  const cancelJob = (job: Job): boolean => {
    if (job.status === 'completed') return false;
    cancelAll([job]);
    return true;
  };

  const endCancelled = (job: Job): void => {
    if (job.status === 'in_progress') {
      cancelTimeouts.add(job);
      if (job.assignedTo) deps.tellCancel(job.assignedTo);
      return;
    }
    if (job.assignedTo) deps.revoke(job.assignedTo);
    finished(job, 'cancelled', []);
  };

  const approve = (run: WorkflowRun, name?: string): number => {
    const waiting = run.jobs.filter(
      (job) => job.status === 'waiting' && (name === undefined || job.name === name),
    );
    for (const job of waiting) enqueue(job);
    settle(run);
    return waiting.length;
  };

  const forget = (run: WorkflowRun): void => {
    state.runs.delete(run.id);
    run.repository.runs.delete(run.id);
    for (const job of run.jobs) state.jobs.delete(job.id);
  };

  const offerAgain = (job: Job): void => {
    job.assignedTo = null;
    assignment.offer(job);
  };

  return { start, rerun, cancelRun, cancelJob, approve, started, finished, offerAgain };
}

/** Places of the matrix by stage, and all of every stage that needs one of them. */
function placesAgain(run: WorkflowRun, which: 'failed' | Job): Map<string, readonly number[] | null> {
  const again = new Map<string, readonly number[] | null>();
  for (const { description } of run.stages.values()) {
    const { name, needs = [] } = description;
    const stage = run.stages.get(name);
    if (!stage) continue;
    if (needs.some((need) => again.has(need))) again.set(name, null);
    else if (which !== 'failed') {
      if (which.stage === stage) again.set(name, [which.matrixIndex]);
    } else if (stage.conclusion !== 'success') {
      const failed = (stage.jobs ?? []).filter(({ conclusion }) => conclusion !== 'success');
      again.set(name, failed.some(({ conclusion }) => conclusion === 'skipped') ? null : placesOf(failed));
    }
  }
  return again;
}

/** A stage none of whose jobs was ever made is made whole. */
function placesOf(jobs: readonly Job[]): readonly number[] | null {
  return jobs.length === 0 ? null : jobs.map(({ matrixIndex }) => matrixIndex);
}

function conclusionsBut(stage: Stage | undefined, places: readonly number[]): (Conclusion | null)[] {
  const others = (stage?.jobs ?? []).filter(({ matrixIndex }) => !places.includes(matrixIndex));
  return [...(stage?.kept ?? []), ...others.map(({ conclusion }) => conclusion)];
}

function isOver(run: WorkflowRun): boolean {
  for (const stage of run.stages.values()) if (stage.conclusion === null) return false;
  return true;
}

function jobRunner(runner: Runner): JobRunner {
  return { id: runner.id, name: runner.name, groupId: runner.group.id, groupName: runner.group.name };
}

function setUpStep(at: number): StepReport {
  return {
    name: 'Set up job',
    status: 'in_progress',
    conclusion: null,
    number: 1,
    startedAt: at,
    completedAt: null,
  };
}

function worst(conclusions: readonly (Conclusion | null)[]): Conclusion {
  if (conclusions.includes('failure') || conclusions.includes('timed_out')) return 'failure';
  if (conclusions.includes('cancelled')) return 'cancelled';
  return conclusions.every((conclusion) => conclusion === 'skipped') ? 'skipped' : 'success';
}
