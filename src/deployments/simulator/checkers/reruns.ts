// A machine that its platform takes back: a runner without a job is replaced as soon as that is known, and a job that ends
// by it is run again, once, where its pool wants that. What failed by itself is not.

import type { Job as GitHubJob, WorkflowRun } from '../../../adapters/github/simulated/state.ts';
import { takenBack } from '../../../adapters/hosts/simulated/index.ts';
import type { RunnerName } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import { runnerClass } from '../../../core/runner.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { Checker, Scene } from './checker.ts';

/** It stops to count with the very write that says so; a list's word may come between. */
const replacedMsMax = 30_000;
/** A machine begins to shut down before it is gone: what fails so shortly before is not told apart. */
const takenEarlyMs = 30_000;
/** GitHub, told to stop a runner, may call its job cancelled; whoever cancels later is a person. */
const cancelledMsMax = 2 * 60_000;

export function createRerunsChecker(scene: Scene): Checker {
  /** Jobs whose machines were taken while they were at work. */
  const lost = new Set<number>();
  const interrupted = new Map<RunnerName, EpochMs>();
  return {
    runnerWritten({ name, interruptedAt }) {
      if (interruptedAt !== null && !interrupted.has(name)) interrupted.set(name, scene.clock.now());
    },
    died(_host, machine, cause) {
      const job = cause === takenBack ? scene.gitHubRunners.get(machine.name)?.job : null;
      if (job?.status === 'in_progress') lost.add(job.id);
    },
    rerun(run) {
      const subjects = run.jobs.map(({ id }) => String(id));
      if (run.attempt !== 2)
        scene.fail(
          'reruns',
          `run ${run.id} is run again as attempt ${run.attempt}: once is enough`,
          subjects,
        );
      if (!firstAttempt(run).some((job) => lost.has(job.id) || endedShortlyBefore(job)))
        scene.fail(
          'reruns',
          `run ${run.id} is run again, and none of its jobs has lost its machine`,
          subjects,
        );
    },
    look() {
      for (const [name, at] of interrupted) {
        const runner = scene.truth.runnersAlive.get(name);
        // GitHub gave it a job at that very moment, or nobody can ask whether it did.
        const isSettled = !runner || runner.assignedAt !== null || scene.isGitHubDown();
        if (isSettled || (runnerClass(runner) !== 'coming' && runnerClass(runner) !== 'standby')) {
          if (!scene.isGitHubDown()) interrupted.delete(name);
        } else if (at + replacedMsMax < scene.clock.now())
          scene.fail('reruns', `runner ${name} is to be taken back, and still counts as coming`, [name]);
      }
    },
  };

  function endedShortlyBefore({ runner, completedAt }: GitHubJob): boolean {
    const takenAt = scene.truth.runners.get(runner?.name as RunnerName)?.interruptedAt;
    return takenAt != null && completedAt !== null && completedAt >= takenAt - takenEarlyMs;
  }
}

function firstAttempt(run: WorkflowRun): WorkflowRun['jobs'] {
  return run.jobs.filter(({ attempt }) => attempt === 1);
}

/** At quiet none is left: each has its second attempt, by whomever, or its run was cancelled by people. */
export function owedReruns(scene: Scene): Job[] {
  const { truth, world, configuration } = scene;
  return [...truth.jobs.values()].filter((job) => {
    if (job.phase !== 'completed' || job.runAttempt !== 1 || job.runner === null) return false;
    const runner = truth.runners.get(job.runner.name as RunnerName);
    const pool = configuration.pools.find(({ name }) => name === runner?.pool);
    if (!runner || runner.interruptedAt === null || !pool?.rerunInterrupted) return false;
    const atGitHub = world.state.jobs.get(job.id);
    const endedAt = atGitHub?.completedAt ?? 0;
    if (!atGitHub || atGitHub.run.attempt > 1 || endedAt < runner.interruptedAt) return false;
    // Another of its jobs waits for ever, as none of our pools has its labels.
    if (atGitHub.run.status !== 'completed') return false;
    if (atGitHub.conclusion === 'failure') return atGitHub.run.conclusion !== 'cancelled';
    return (
      atGitHub.conclusion === 'cancelled' &&
      !atGitHub.cancelRequested &&
      endedAt < runner.interruptedAt + cancelledMsMax
    );
  });
}
