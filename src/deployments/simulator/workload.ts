// Who asks for runners: runs that come by chance and in bursts, matrices, approvals, skipped jobs, re-runs, people
// who cancel. A storm of about so many jobs, and then nothing more.

import type { SeededRandom } from '../../adapters/clock/virtual/random.ts';
import type { WorkflowRun } from '../../adapters/github/simulated/state.ts';
import type { JobDescription } from '../../adapters/github/simulated/workflow.ts';
import type { World } from '../../adapters/github/simulated/world.ts';
import type { Clock, EpochMs } from '../../ports/clock.ts';
import type { Mischief } from './faults.ts';
import { organisations, type RepositorySetting } from './landscape.ts';

export interface WorkloadTerms {
  /** Jobs that the storm has, about. */
  jobs: number;
  /** Over this time. */
  stormMs: number;
}

export interface Workload {
  /** Nothing more is started, approved, cancelled or run again from then on. */
  endsAt: EpochMs;
}

export interface WorkloadDeps {
  clock: Clock;
  random: SeededRandom;
  mischief: Mischief;
  world: World;
}

/** Job lengths: most are short, some are not. */
const shortJobMs = 45_000;
const longJobMs = 240_000;
const longShare = 0.15;
const jobMsMin = 2_000;
const failedShare = 0.08;
const matrixJobsMax = 16;
/** After the storm: what nobody approved, or nobody can run, is cancelled by people after this. */
const patienceMs = 15 * 60_000;
const giveUpEveryMs = 60_000;
const approvalMsMax = 5 * 60_000;
const cancelMsMax = 4 * 60_000;
const rerunShare = 0.06;
const rerunAfterMs = 6 * 60_000;

export function startWorkload(deps: WorkloadDeps, terms: WorkloadTerms): Workload {
  const { clock, random, world } = deps;
  const endsAt = clock.now() + terms.stormMs + patienceMs;
  const repositories = organisations.flatMap((organisation) => organisation.repositories);
  let jobsLeft = terms.jobs;
  let runs = 0;
  const startsPerMs = terms.jobs / meanJobsPerRun / terms.stormMs;

  const scheduleNext = (delayMs: number): void => {
    clock.after(delayMs, () => {
      if (jobsLeft <= 0) return;
      begin();
      // Bursts: several at the same moment.
      scheduleNext(random.chance(0.25) ? random.int(500) : random.exponential(1.33 / startsPerMs));
    });
  };

  function begin(): void {
    const repository = random.pick(repositories);
    const jobs = describeJobs(deps, repository);
    runs += 1;
    const run = world.startRun(repository.name, { name: `workflow ${runs}`, jobs });
    jobsLeft -= jobs.reduce((sum, job) => sum + (job.matrix ?? 1), 0);
    planApprovals(run, jobs);
    planCancel(run);
    if (random.chance(rerunShare)) {
      const which = random.pick(['all', 'failed'] as const);
      clock.after(rerunAfterMs, () => {
        if (clock.now() < endsAt && world.rerun(run.id, which)) planApprovals(run, jobs);
      });
    }
    clock.after(endsAt - clock.now(), () => giveUp(run));
  }

  function planApprovals(run: WorkflowRun, jobs: readonly JobDescription[]): void {
    if (!jobs.some((job) => job.approval)) return;
    // Some are never approved.
    if (random.chance(0.8)) clock.after(random.int(approvalMsMax), () => world.approve(run.id));
  }

  function planCancel(run: WorkflowRun): void {
    if (!deps.mischief.happens('cancel')) return;
    const chance = deps.mischief.random('cancel');
    clock.after(chance.int(cancelMsMax), () => {
      if (chance.chance(0.5)) world.cancelRun(run.id);
      else if (run.jobs.length > 0) world.cancelJob(chance.pick(run.jobs).id);
    });
  }

  /** People cancel what waits for an approval, or in a group that does not admit it; again, as its jobs come, or come back. */
  function giveUp(run: WorkflowRun): void {
    for (const job of run.jobs) {
      const isStuck = job.status === 'waiting' || (job.status === 'queued' && job.labels.includes('special'));
      if (isStuck) world.cancelJob(job.id);
    }
    clock.after(giveUpEveryMs, () => giveUp(run));
  }

  scheduleNext(random.int(5_000));
  return { endsAt };
}

/** What `describeJobs` gives on average: measured. */
const meanJobsPerRun = 3.4;

function describeJobs(deps: WorkloadDeps, repository: RepositorySetting): JobDescription[] {
  const { random } = deps;
  const share = random();
  if (share < 0.5) return [describeJob(deps, 'job', repository)];
  if (share < 0.68) {
    const matrix = 2 + random.int(matrixJobsMax - 1);
    return [{ ...describeJob(deps, 'matrix', repository), matrix, failFast: random.chance(0.3) }];
  }
  if (share < 0.75) {
    const matrix = 3 + random.int(6);
    const maxParallel = 1 + random.int(3);
    return [{ ...describeJob(deps, 'few', repository), matrix, maxParallel, failFast: false }];
  }
  if (share < 0.85) {
    return [
      describeJob(deps, 'build', repository),
      { ...describeJob(deps, 'skipped', repository), skip: true },
      { ...describeJob(deps, 'test', repository), needs: ['build'], matrix: 1 + random.int(4) },
    ];
  }
  if (share < 0.93) {
    return [
      describeJob(deps, 'build', repository),
      { ...describeJob(deps, 'deploy', repository), needs: ['build'], approval: true },
    ];
  }
  return Array.from({ length: 3 + random.int(4) }, (_, i) => describeJob(deps, `job ${i + 1}`, repository));
}

function describeJob(deps: WorkloadDeps, name: string, repository: RepositorySetting): JobDescription {
  const { random } = deps;
  const meanMs = random.chance(longShare) ? longJobMs : shortJobMs;
  return {
    name,
    labels: labelsOf(deps, repository),
    durationMs: jobMsMin + Math.floor(random.exponential(meanMs)),
    outcome: random.chance(failedShare) ? 'failure' : 'success',
  };
}

function labelsOf({ random, mischief }: WorkloadDeps, repository: RepositorySetting): string[] {
  // Fits runners of three pools: the first of them gets it, any of them may take it.
  if (mischief.happens('theft')) return ['self-hosted', 'linux'];
  if (!repository.isSpecial && mischief.happens('notAdmitted')) return ['self-hosted', 'special'];
  const share = random();
  if (share < 0.26) return ['self-hosted', 'lint'];
  if (share < 0.52) return ['self-hosted', 'linux', 'build'];
  if (share < 0.6) return ['self-hosted', 'linux', 'build', 'big'];
  if (share < 0.76) return ['self-hosted', 'ready'];
  if (share < 0.9) return ['self-hosted', 'private'];
  if (share < 0.92) return ['self-hosted', 'nobody-has-this'];
  if (share < 0.94) return ['ubuntu-latest'];
  if (share < 0.96) return repository.isSpecial ? ['self-hosted', 'special'] : ['self-hosted', 'lint'];
  return ['Self-Hosted', 'LINT'];
}
