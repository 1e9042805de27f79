// Checkers only watch. Each is told what happens, looks at the truth from time to time, and says what may not be.

import type { Runner as GitHubRunner, WorkflowRun } from '../../../adapters/github/simulated/state.ts';
import type { World } from '../../../adapters/github/simulated/world.ts';
import type { MachineView, SimulatedGround } from '../../../adapters/hosts/simulated/index.ts';
import type { Commit } from '../../../core/commit.ts';
import type { Configuration } from '../../../core/configuration.ts';
import type { RunnerTimes } from '../../../core/deadline.ts';
import type { HostName, PoolName, RunnerName } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import type { Runner } from '../../../core/runner.ts';
import type { BudgetKey } from '../../../ports/budgets.ts';
import type { Clock, EpochMs } from '../../../ports/clock.ts';
import type { JobsTable } from '../../../ports/jobs-table.ts';
import type { Labels } from '../../../ports/telemetry.ts';
import type { Mischief } from '../faults.ts';
import type { Truth } from '../truth.ts';

/** What a checker may look at. */
export interface Scene {
  clock: Clock;
  /** In force now. */
  readonly configuration: Configuration;
  /** In force then. */
  configurationAt(at: EpochMs): Configuration;
  world: World;
  /** By name, every runner that GitHub has an entry of. */
  gitHubRunners: ReadonlyMap<string, GitHubRunner>;
  grounds: ReadonlyMap<HostName, SimulatedGround>;
  truth: Truth;
  /** The table itself, without faults. */
  table: JobsTable;
  timesOf(pool: PoolName, host: HostName): RunnerTimes;
  /** Until when a budget has nothing left; 0: it has some. */
  budgetSpentUntil(key: BudgetKey): EpochMs;
  /** Nothing can be known, and nothing be done there, until it is back. */
  isGitHubDown(): boolean;
  mischief: Mischief;
  /** Nothing fails at all, neither by chance nor by a script: all has to go as it should at once. */
  isCalm: boolean;
  /** `subjects`: jobs and runners whose timelines explain it. */
  fail(checker: string, text: string, subjects?: readonly string[]): void;
}

export interface Checker {
  born?(host: HostName, machine: MachineView): void;
  died?(host: HostName, machine: MachineView, cause: string): void;
  toldToEnd?(host: HostName, name: RunnerName): void;
  committed?(commit: Commit): void;
  runnerWritten?(runner: Runner): void;
  jobWritten?(job: Job): void;
  /** GitHub has begun an attempt that the system asked for. */
  rerun?(run: WorkflowRun): void;
  counted?(metric: string, labels: Labels, by: number): void;
  /** The system's own warnings and errors. */
  said?(level: 'warn' | 'error', message: string, text: string): void;
  /** Every few seconds. */
  look?(): void;
  /** Every so many steps of the clock, and at quiet. */
  recount?(): Promise<void>;
}
