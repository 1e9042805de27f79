/** A process, and what tells it from a later one of the same number. */
export interface ProcessIdentity {
  pid: number;
  /** When it started, as this operating system writes it: text to compare, nothing to compute with. */
  startedAt: string;
}

/** Processes that belong to one runner: its keeper leads their group; most carry the mark in their environment. */
export interface Kinship {
  keeper: ProcessIdentity;
  /** `NAME=value`, as it stands in the environment. */
  mark: string;
}

/** What runs on this computer. Processes that have ended and were not yet reaped do not run. */
export interface ProcessTable {
  /** Of those of `pids` that run. */
  startTimes(pids: readonly number[]): Promise<ReadonlyMap<number, string>>;
  /** The numbers of all processes that belong to the runner, without its keeper, which may be dead. */
  kin(of: Kinship): Promise<number[]>;
}
