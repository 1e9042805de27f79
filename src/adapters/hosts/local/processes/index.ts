import { platform } from 'node:process';
import { createLinuxProcessTable } from './linux.ts';
import { createPosixProcessTable } from './posix.ts';
import type { ProcessIdentity, ProcessTable } from './table.ts';

export type { Kinship, ProcessIdentity, ProcessTable } from './table.ts';

export function createProcessTable(): ProcessTable {
  return platform === 'linux' ? createLinuxProcessTable() : createPosixProcessTable();
}

/** `null` where no such process runs. */
export async function identityOf(processes: ProcessTable, pid: number): Promise<ProcessIdentity | null> {
  const startedAt = (await processes.startTimes([pid])).get(pid);
  return startedAt === undefined ? null : { pid, startedAt };
}

/** The very process, not another one that has its number now. */
export async function isRunning(
  processes: ProcessTable,
  { pid, startedAt }: ProcessIdentity,
): Promise<boolean> {
  return (await processes.startTimes([pid])).get(pid) === startedAt;
}

/** False where it has ended meanwhile, or is not ours to signal. */
export function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
