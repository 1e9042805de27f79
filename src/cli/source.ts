// The running system, as the command sees it: in a process on this machine, or deployed. Both answer the same.

import type { JobsFilter, PoolChange } from '../flow/operator/operator.ts';
import type { JobView, PoolView, StatusView, WhyView } from '../flow/operator/views.ts';

export interface Redriven {
  queue: string;
  moved: number;
  /** Hosts that were told to count again, where what is dead only points to records that are kept elsewhere. */
  recounted: readonly string[];
}

export interface LogWanted {
  /** What the machine printed, or the diagnostics of GitHub's runner. */
  part: 'console' | 'diag';
  /** The last so many. */
  linesMax: number;
  /** Goes on with what is added, until it is stopped. */
  follow: boolean;
  pause(ms: number): Promise<void>;
  isStopped(): boolean;
}

export interface Source {
  status(): Promise<StatusView>;
  jobs(filter: JobsFilter): Promise<JobView[]>;
  /** `null`: no such job is known. */
  why(jobId: number): Promise<WhyView | null>;
  /** `null`: no such pool. */
  changePool(pool: string, change: PoolChange): Promise<PoolView | null>;
  /** Line by line. `null`: no log of such a runner is there. */
  log(runner: string, wanted: LogWanted): Promise<AsyncIterable<string> | null>;
  /** Of one queue, or of all. */
  redrive(queue: string | null): Promise<Redriven[]>;
  close(): void;
}

/** What went wrong, for a person, with the exit code that says which kind it is. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, options: ErrorOptions & { exitCode: number }) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = options.exitCode;
  }
}

export const exitCodes = {
  done: 0,
  /** The system said no, or something broke. */
  failed: 1,
  /** The command was not understood. */
  usage: 2,
  /** No such job, pool or runner. */
  notFound: 3,
  /** No running system was reached. */
  notReached: 4,
} as const;

export function noSuchQueue(wanted: string, names: readonly string[]): CommandError {
  return new CommandError(
    `No queue with dead letters is named like ${wanted}. There are: ${names.join(', ')}.`,
    {
      exitCode: exitCodes.notFound,
    },
  );
}
