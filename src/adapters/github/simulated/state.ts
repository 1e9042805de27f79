// What the simulated GitHub knows: accounts, repositories, installations, runner groups, runs, jobs and runners.
// Plain records, changed only by the files beside this one; everything that leaves the world is a view of them.

import type { EpochMs } from '../../../ports/clock.ts';
import type { JobDescription, WorkflowDescription } from './workflow.ts';

export interface Account {
  id: number;
  login: string;
  kind: 'Organization' | 'User';
  /** By lower-case name. */
  repositories: Map<string, Repository>;
  /** An organisation's runner groups by id; a user has none. */
  groups: Map<number, RunnerGroup>;
  /** Runners registered at the organisation, in the order they were registered. */
  runners: Map<number, Runner>;
  runnersByName: Map<string, Runner>;
  installation: Installation | null;
}

export interface Repository {
  id: number;
  owner: Account;
  name: string;
  /** `Owner/Name` as people wrote it. */
  fullName: string;
  isPublic: boolean;
  runners: Map<number, Runner>;
  runnersByName: Map<string, Runner>;
  runs: Map<number, WorkflowRun>;
  /** Runs that are not completed: what the queue's readers look for, whatever the history. */
  activeRuns: Map<number, WorkflowRun>;
}

export type Permissions = Readonly<Record<string, 'read' | 'write'>>;

export interface Installation {
  id: number;
  account: Account;
  permissions: Permissions;
  repositories: 'all' | Set<Repository>;
  state: 'active' | 'suspended' | 'deleted';
  createdAt: EpochMs;
  suspendedAt: EpochMs | null;
}

export interface RunnerGroup {
  id: number;
  name: string;
  isDefault: boolean;
  visibility: 'all' | 'private' | 'selected';
  /** For `selected`. */
  repositories: Set<Repository>;
  allowsPublicRepositories: boolean;
}

export type RunStatus = 'queued' | 'in_progress' | 'completed' | 'waiting';
export type Conclusion = 'success' | 'failure' | 'cancelled' | 'skipped' | 'timed_out';

export interface WorkflowRun {
  id: number;
  number: number;
  repository: Repository;
  workflow: WorkflowDescription;
  attempt: number;
  status: RunStatus;
  conclusion: Conclusion | null;
  createdAt: EpochMs;
  startedAt: EpochMs;
  updatedAt: EpochMs;
  headSha: string;
  /** Every attempt's jobs, in the order they were created. */
  jobs: Job[];
  /** What the latest attempt still has to do, by the job's name in the workflow. */
  stages: Map<string, Stage>;
}

/** One entry of the workflow's `jobs:` within one attempt: a job, or all jobs of its matrix. */
export interface Stage {
  description: JobDescription;
  /** Null until what it needs has ended. */
  jobs: Job[] | null;
  open: number;
  /** Places in the matrix that this attempt runs; `null`: all. */
  again: readonly number[] | null;
  /** How the others ended, in the attempt before. */
  kept: readonly (Conclusion | null)[];
  conclusion: Conclusion | null;
  /** Jobs that are announced as queued, but held back by `max-parallel`. */
  heldBack: Job[];
}

export interface StepReport {
  name: string;
  status: 'queued' | 'in_progress' | 'completed';
  conclusion: Conclusion | null;
  number: number;
  startedAt: EpochMs | null;
  completedAt: EpochMs | null;
}

/** How a job remembers who ran it: the runner's entry is gone soon after. */
export interface JobRunner {
  id: number;
  name: string;
  groupId: number;
  groupName: string;
}

export interface Job {
  id: number;
  run: WorkflowRun;
  attempt: number;
  stage: Stage;
  name: string;
  /** Position in its matrix, from 0. */
  matrixIndex: number;
  labels: readonly string[];
  /** Sorted, in lower case: equal for jobs that the same runners may take. */
  labelsKey: string;
  status: RunStatus;
  conclusion: Conclusion | null;
  createdAt: EpochMs;
  startedAt: EpochMs;
  completedAt: EpochMs | null;
  steps: readonly StepReport[];
  runner: JobRunner | null;
  /** The runner that it was handed to, from assignment to its end. */
  assignedTo: Runner | null;
  cancelRequested: boolean;
  /** Its place in the queue of offered jobs; 0 while it is not in it. */
  offer: number;
}

/**
 * `registered` (never connected) → `idle` → `assigned` (given a job, not fetched yet) → `busy` → `gone`.
 * `assigned` goes back to `idle` where the job is not fetched in time; `offline` is a connected one that vanished.
 */
type RunnerPhase = 'registered' | 'idle' | 'assigned' | 'busy' | 'offline' | 'gone';

export interface Runner {
  id: number;
  name: string;
  account: Account;
  /** Null for an organisation's runner. */
  repository: Repository | null;
  group: RunnerGroup;
  labels: readonly string[];
  labelsLower: ReadonlySet<string>;
  labelsKey: string;
  os: string;
  version: string | null;
  phase: RunnerPhase;
  job: Job | null;
  /** Whoever has it can be this runner. */
  jitConfig: string;
  mintedAt: EpochMs;
}

export interface State {
  accounts: Map<string, Account>;
  installations: Map<number, Installation>;
  runs: Map<number, WorkflowRun>;
  jobs: Map<number, Job>;
  runners: Map<number, Runner>;
  nextId(kind: IdKind): number;
}

type IdKind = 'account' | 'repository' | 'installation' | 'group' | 'run' | 'job' | 'runner';

export function createState(): State {
  // Each kind of id has a range of its own, so that one given where another belongs is not found.
  const last: Record<IdKind, number> = {
    account: 1_000,
    repository: 500_000,
    installation: 50_000_000,
    group: 1,
    run: 9_000_000_000,
    job: 30_000_000_000,
    runner: 20,
  };
  return {
    accounts: new Map(),
    installations: new Map(),
    runs: new Map(),
    jobs: new Map(),
    runners: new Map(),
    nextId: (kind) => {
      last[kind] += 1;
      return last[kind];
    },
  };
}

/** `acme/app` in any case; null where there is none. */
export function findRepository(state: State, fullName: string): Repository | null {
  const [owner = '', name = ''] = fullName.toLowerCase().split('/');
  return state.accounts.get(owner)?.repositories.get(name) ?? null;
}

export function installationCovers(installation: Installation, repository: Repository): boolean {
  if (repository.owner !== installation.account) return false;
  return installation.repositories === 'all' || installation.repositories.has(repository);
}

/** Public repositories are kept out of a group unless it says otherwise. */
export function groupAdmits(group: RunnerGroup, repository: Repository): boolean {
  if (repository.isPublic && !group.allowsPublicRepositories) return false;
  switch (group.visibility) {
    case 'all':
      return true;
    case 'private':
      return !repository.isPublic;
    case 'selected':
      return group.repositories.has(repository);
    default:
      return group.visibility satisfies never;
  }
}
