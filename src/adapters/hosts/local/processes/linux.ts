// Linux tells all in /proc (proc(5)): `stat` has group, session and start time, `environ` what a process was started
// with, which its children inherit, even those that left the group and the session.

import { readdirSync, readFileSync } from 'node:fs';
import type { Kinship, ProcessTable } from './table.ts';

interface Stat {
  state: string;
  group: number;
  session: number;
  /** Ticks since boot: field 22. */
  startTicks: string;
}

export function createLinuxProcessTable(): ProcessTable {
  /** A start time counts from the boot, so it needs the boot's name to be told from one before. */
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const startedAt = (stat: Stat): string => `${bootId}/${stat.startTicks}`;

  async function startTimes(pids: readonly number[]): Promise<Map<number, string>> {
    const times = new Map<number, string>();
    for (const pid of pids) {
      const stat = readStat(pid);
      if (stat) times.set(pid, startedAt(stat));
    }
    return times;
  }

  async function kin({ keeper, mark }: Kinship): Promise<number[]> {
    const leader = readStat(keeper.pid);
    const keeperRuns = leader !== null && startedAt(leader) === keeper.startedAt;
    const marked: { pid: number; session: number }[] = [];
    const inSession: number[] = [];
    for (const pid of allPids()) {
      if (keeperRuns && pid === keeper.pid) continue;
      const stat = readStat(pid);
      if (!stat) continue;
      if (carries(pid, mark)) marked.push({ pid, session: stat.session });
      else if (stat.session === keeper.pid || stat.group === keeper.pid) inSession.push(pid);
    }
    // The number of a dead keeper may by now be that of a stranger's session. It is not while one of ours is in it.
    const sessionIsOurs = keeperRuns || marked.some((process) => process.session === keeper.pid);
    return [...marked.map((process) => process.pid), ...(sessionIsOurs ? inSession : [])];
  }

  return { startTimes, kin };
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** `null` where it does not run: it has ended, though perhaps nobody has reaped it (Z, X). */
function readStat(pid: number): Stat | null {
  const text = readOrNull(`/proc/${pid}/stat`)?.toString('latin1');
  // The name in brackets may hold blanks and brackets itself.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , group, session] = fields ?? [];
  const startTicks = fields?.[19];
  if (!state || !startTicks || state === 'Z' || state === 'X') return null;
  return { state, group: Number(group), session: Number(session), startTicks };
}

/** False where we may not read it: another user's, and then not one that we could end. */
function carries(pid: number, mark: string): boolean {
  const environment = readOrNull(`/proc/${pid}/environ`)?.toString('latin1');
  return environment !== undefined && `\0${environment}\0`.includes(`\0${mark}\0`);
}

function readOrNull(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}
