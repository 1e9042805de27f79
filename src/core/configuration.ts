// The configuration as the core knows it: checked, complete, plain data. Where it comes from, its schema and its
// defaults are in src/config.

import type { HostName, PoolName } from './ids.ts';

export type OperatingSystem = 'linux' | 'windows' | 'macos';

export interface Configuration {
  /** Hash of everything below: a new one makes every host recount. */
  version: string;
  hosts: readonly HostSettings[];
  /** In order of precedence: a job belongs to the first pool that fits. */
  pools: readonly PoolSettings[];
  allow: Allow;
  timing: Timing;
  github: GitHubLimits;
}

export interface HostSettings {
  name: HostName;
  /** Which adapter: `local`, `simulated`, … */
  type: string;
  /** Most machines alive at once, over all its pools. */
  limit: number;
  /** Launch calls: so many at once, then so many a second. */
  launchBurst: number;
  launchesPerSecond: number;
  /** In the adapter's own terms, checked by the adapter's schema. */
  options: unknown;
}

export interface PoolSettings {
  name: PoolName;
  host: HostName;
  os: OperatingSystem;
  /** Lower case, sorted. A runner registers with exactly these. */
  labels: readonly string[];
  /** Most machines alive at once. */
  limit: number;
  /** Machines kept standing by, where no moment of `spareChanges` has changed it. */
  spares: number;
  /** Moments at which that number changes: the latest that has passed says how many there are now. */
  spareChanges: readonly SpareChange[];
  /**
   * A machine of this pool goes on as a spare after its job, cleaned and for the same scope, until it is this old. 0: it
   * ends with its job.
   */
  reuseMs: number;
  /** A job that lost its machine to an interruption is run again once, on one that is not taken back. */
  rerunInterrupted: boolean;
  /** Share of a full host against other pools: twice the weight, twice the runners. */
  weight: number;
  /** A pool of a higher priority gets places before all lower ones. */
  priority: number;
  /** Where its runners register. With `organisation`, GitHub chooses which repository's job goes first. */
  register: 'organisation' | 'repository';
  /** Runner group by name; `default` is the scope's own. */
  group: string;
  /** Patterns of `owner/name` that may use it (`*` matches within a part); `null`: every one that is allowed. */
  repositories: readonly string[] | null;
  publicRepositories: 'refuse' | 'allow';
  /** Says that another pool's labels may overlap with this one's on purpose. */
  overlap: boolean;
  /** A job that runs longer than this is stopped. */
  jobMsMax: number;
  idleMs: number;
  bootMs: number;
  /** The machine in the host's own terms, checked by the adapter's schema. */
  machine: unknown;
}

export interface SpareChange {
  /** Five fields: minute, hour, day of the month, month, day of the week. */
  cron: string;
  /** By its name in the IANA database. */
  timeZone: string;
  spares: number;
}

/** Whose jobs are served. `onlyInstallation`: everyone's, which is accepted only while the App has exactly one. */
type Allow = { kind: 'owners'; owners: readonly string[] } | { kind: 'onlyInstallation' };

interface GitHubLimits {
  /** Just-in-time configurations of one installation: so many at once, then so many a minute, so many an hour. */
  mintBurst: number;
  mintsPerMinute: number;
  /** Share of the hourly request quota that sweeps may use, 0 … 1. */
  sweepShare: number;
}

/** Every time that the system waits. Milliseconds. Defaults and their reasons: src/config/timing.ts. */
export interface Timing {
  /** A surplus this old is released, unless the pool says otherwise. */
  idleMs: number;
  /** Ordered to online, unless the pool says otherwise. */
  bootMs: number;
  /** A runner's launch lease. */
  leaseMs: number;
  /** An order that nobody began to launch is void after this. */
  orderMs: number;
  /** An order, or an ending, that nobody took up is published again after this. */
  outboxMs: number;
  /** A change that nobody counted is notified again after this. */
  uncountedMs: number;
  /** The Reconciler's tick. */
  tickMs: number;
  /** A claim whose answer was lost may be repeated for this long. */
  claimMs: number;
  /** A runner that GitHub said is busy (422) covers a job for this long before GitHub is asked. */
  assignedMs: number;
  /** A runner idle this long beside a waiting job: the job is asked about. */
  idleBesideJobMs: number;
  /** A job is not asked about again within this. */
  askAgainMs: number;
  /** A job in progress whose runner is gone is asked about after this. */
  orphanJobMs: number;
  /** A job in progress on a foreign runner is asked about this often at first. */
  foreignJobMs: number;
  /** Back-off of a job that GitHub holds back: first and longest. */
  holdMs: number;
  holdMsMax: number;
  /** Younger jobs overtaking the oldest for this long make it suspicious. */
  overtakenMs: number;
  /** Circuit breaker of a pool: first and longest time open. */
  breakerMs: number;
  breakerMsMax: number;
  /** A registration is trusted to be missing only in lists asked this long after the claim was answered. */
  missingMs: number;
  /** Sweeps: GitHub's runners of a scope that has some; of one that has none; the host's machines. */
  runnerListMs: number;
  runnerListIdleMs: number;
  hostListMs: number;
  /** Sweeps: failed deliveries; queued jobs of an active repository; of one that is quiet. */
  deliveriesMs: number;
  queuedJobsMs: number;
  queuedJobsIdleMs: number;
  /** A repository is active for this long after its last event. */
  activeMs: number;
  /** Every host's ledger is recounted this often. */
  recountMs: number;
  /** Ended jobs and runners are kept this long: longer than any redelivery. */
  keepMs: number;
}

export function poolByName(configuration: Configuration, name: PoolName): PoolSettings | null {
  return configuration.pools.find((pool) => pool.name === name) ?? null;
}

export function hostByName(configuration: Configuration, name: HostName): HostSettings | null {
  return configuration.hosts.find((host) => host.name === name) ?? null;
}

export function poolsOfHost(configuration: Configuration, host: HostName): PoolSettings[] {
  return configuration.pools.filter((pool) => pool.host === host);
}

/**
 * The system of an order to end a runner, by which it finds its way: its pool's. Where the pool is no longer on this host,
 * any system that the host still has, as whoever ends machines of a host ends all of them; one that it has not would
 * lead to nobody.
 */
export function systemToEnd(configuration: Configuration, host: HostName, pool: PoolName): OperatingSystem {
  const pools = poolsOfHost(configuration, host);
  return (pools.find(({ name }) => name === pool) ?? pools[0])?.os ?? 'linux';
}
