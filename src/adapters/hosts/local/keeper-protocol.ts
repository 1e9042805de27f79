// What the orchestrator and a keeper have to say to each other.

import type { WorkFolders } from './folders.ts';
import type { Owner } from './work-directory.ts';

/** Asks a keeper to end its runner. Not SIGTERM, which jobs send to their whole group, where the keeper is too. */
export const stopSignal = 'SIGUSR2';

/** By stdin, as JSON, to the end. */
export interface KeeperInstructions {
  fencePath: string;
  endPath: string;
  logPath: string;
  logBytesMax: number;
  folders: WorkFolders;
  /** GitHub's runner, to be copied. */
  runnerDirectory: string | null;
  /** Program and arguments. */
  command: readonly [string, ...string[]];
  environment: Record<string, string>;
  mark: string;
  /** `null`: the runner has the keeper's own rights. */
  owner: Owner | null;
  /** The owner is set by the command itself. */
  ownerByCommand: boolean;
  endGraceMs: number;
  lifetimeMsMax: number;
}

/** What the keeper says by its output, as a line; everything else it says by files. */
export type KeeperAnswer = 'kept' | 'taken';
