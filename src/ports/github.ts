// What the flow needs from GitHub. Expected outcomes are values; faults (a limit, an outage, a refusal of the
// App itself) are `GitHubError`s that say when it is worth asking again.

import type { Scope } from '../core/scope.ts';
import type { EpochMs } from './clock.ts';

export interface RunnerRegistration {
  name: string;
  labels: readonly string[];
  /** Name of the runner group; `default` is the scope's own. Resolved to its id by the adapter, and cached. */
  group: string;
  workFolder: string;
}

export type Minted =
  | { outcome: 'minted'; runnerId: number; jitConfig: string }
  /** 409: a runner of this name is registered. Whoever owns the name may delete it and mint again. */
  | { outcome: 'nameTaken' }
  /** 404/422 that asking again can't mend: no such group, a label refused, App lacks the permission. */
  | { outcome: 'refused'; reason: string };

type Removed = 'removed' | 'absent' | 'busy';

export interface RunnerEntry {
  id: number;
  name: string;
  status: 'online' | 'offline';
  busy: boolean;
  version: string | null;
}

interface StepReport {
  name: string;
  conclusion: string | null;
  startedAt: EpochMs | null;
  completedAt: EpochMs | null;
}

/** One attempt of a job as GitHub tells it, by webhook or by REST: the same shape for both. */
export interface JobReport {
  id: number;
  runId: number;
  runAttempt: number;
  name: string;
  workflow: string | null;
  /** `owner/name` in lower case. */
  repository: string;
  isPublic: boolean;
  /** True where the repository's owner is an organisation. */
  ownedByOrganisation: boolean;
  installation: number;
  labels: readonly string[];
  /** GitHub's status: queued, in_progress, completed, waiting, requested, pending, or one that is new. */
  status: string;
  conclusion: string | null;
  runner: { id: number | null; name: string } | null;
  createdAt: EpochMs;
  /** `null` for a job that never had a runner: GitHub sets `started_at` while a job is queued too. */
  startedAt: EpochMs | null;
  completedAt: EpochMs | null;
  /** None before the first has started; those of a job that was skipped never. */
  steps: readonly StepReport[];
  url: string;
}

/** A workflow run as it stands. */
export interface RunReport {
  /** Of its latest attempt: 1 for a run that was never run again. */
  attempt: number;
  isOver: boolean;
  conclusion: string | null;
  /** Of the latest attempt once that is over; none before. */
  jobs: readonly JobReport[];
}

/** What is to be run again: one job, or all of a run that did not succeed; what depends on them too, in both cases. */
export type RerunTarget = { what: 'job'; jobId: number } | { what: 'failedJobs'; runId: number };

/**
 * - `accepted`: the run's next attempt begins, with new ids for its jobs.
 * - `running`: the run is not over, and GitHub runs none of its jobs again before it is.
 * - `refused`: asking again can't mend it: the job is of an earlier attempt, the run too old, or gone.
 */
type Rerun = { outcome: 'accepted' } | { outcome: 'running' } | { outcome: 'refused'; reason: string };

export interface RepositoryRef {
  /** `owner/name` in lower case. */
  repository: string;
  isPublic: boolean;
  ownedByOrganisation: boolean;
  installation: number;
}

export interface Delivery {
  /** Decimal digits: GitHub's delivery ids outgrew a JavaScript number (2^53) in 2026. */
  id: string;
  guid: string;
  deliveredAt: EpochMs;
  /** True where GitHub got a 2xx in time. */
  ok: boolean;
  event: string;
  action: string | null;
}

export interface InstallationRef {
  id: number;
  /** Lower case. */
  account: string;
  suspended: boolean;
}

/** Requests that GitHub still grants this installation in this window, by its last answer. */
export interface RateLeft {
  remaining: number;
  limit: number;
  resetsAt: EpochMs;
}

export interface GitHub {
  /** One POST. An answer that is lost leaves a runner entry behind: the caller removes it by name. */
  mintRunner(scope: Scope, registration: RunnerRegistration): Promise<Minted>;
  /**
   * One DELETE. `busy` (422): it runs a job, or was given one this moment; nothing was removed. `absent` is
   * proven: GitHub answers 404 for a scope that the App may no longer see too, whose runners may be busy, so
   * the scope is read once more and that case is an error.
   */
  removeRunner(scope: Scope, runnerId: number): Promise<Removed>;
  /** One GET by exact name; `null` where none is registered. */
  findRunner(scope: Scope, name: string): Promise<RunnerEntry | null>;
  /** Every runner of the scope, all pages. May miss an entry that moved between two pages. */
  listRunners(scope: Scope): Promise<RunnerEntry[]>;
  /** One GET; `null` on 404. */
  readJob(repository: RepositoryRef, jobId: number): Promise<JobReport | null>;
  /** Jobs that wait in the repository: of runs queued and in progress (a started run may hold queued jobs). */
  queuedJobs(repository: RepositoryRef): Promise<JobReport[]>;
  /** One GET, and those of its jobs once it is over; `null` on 404. */
  readRun(repository: RepositoryRef, runId: number): Promise<RunReport | null>;
  /**
   * One POST, which needs “Actions: write”. Not idempotent: an answer that is lost may stand for an attempt that begins,
   * so the caller reads the run before it asks, and asks for the first attempt alone.
   */
  rerun(repository: RepositoryRef, target: RerunTarget): Promise<Rerun>;
  /** Newest first, back to `since`, bounded by `limit`. As the App. */
  deliveriesSince(since: EpochMs, limit: number): Promise<Delivery[]>;
  /** Asks GitHub to send the delivery once more, under the same GUID. */
  redeliver(deliveryId: string): Promise<void>;
  installations(): Promise<InstallationRef[]>;
  /** Repositories that the installation may read. */
  repositories(installation: number): Promise<RepositoryRef[]>;
  /**
   * Ranges of addresses (`192.30.252.0/22`) that GitHub sends webhooks from; none where it does not say, as an
   * Enterprise Server. One GET, by this installation.
   */
  hookAddresses(installation: number): Promise<string[]>;
  /** `null` before the first answer. */
  rateLeft(installation: number): RateLeft | null;
}

/**
 * - `limited`: 403 or 429 by a primary or secondary limit; nothing was done; ask again at `retryAt`.
 * - `unavailable`: 5xx, a time-out, a broken connection: whether something was done is not known.
 * - `suspended`: the installation is suspended or deleted (403/404 when a token is asked for).
 * - `forbidden`: 403 for want of a permission, named where GitHub names it.
 * - `invalid`: any other 4xx: a fault of ours or of the configuration (401: the App's id, key or clock).
 */
export type GitHubErrorKind = 'limited' | 'unavailable' | 'suspended' | 'forbidden' | 'invalid';

export class GitHubError extends Error {
  readonly kind: GitHubErrorKind;
  readonly retryAt: EpochMs | null;

  constructor(kind: GitHubErrorKind, message: string, retryAt: EpochMs | null = null) {
    super(message);
    this.name = 'GitHubError';
    this.kind = kind;
    this.retryAt = retryAt;
  }
}
