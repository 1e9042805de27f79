// Everywhere else `ps` tells: macOS has no /proc, and shows the environment of few processes. So a runner's kin are
// those in its keeper's group; what a job moves out of the group is not found.

import { execFile } from 'node:child_process';
import type { Kinship, ProcessTable } from './table.ts';

interface Row {
  pid: number;
  group: number;
  /** `Tue Nov 24 20:44:24 2026`, in UTC. */
  startedAt: string;
}

/** Far more than the list of all processes of a big machine. */
const outputBytesMax = 64 * 1024 * 1024;
const psMsMax = 10_000;

export function createPosixProcessTable(): ProcessTable {
  async function startTimes(pids: readonly number[]): Promise<Map<number, string>> {
    if (pids.length === 0) return new Map();
    const rows = await ps(['-p', pids.join(',')]);
    return new Map(rows.map((row) => [row.pid, row.startedAt]));
  }

  async function kin({ keeper }: Kinship): Promise<number[]> {
    const rows = await ps(['-ax']);
    const leader = rows.find((row) => row.pid === keeper.pid);
    // Another process has the number now, so the keeper's whole group had ended before: numbers of groups that
    // still have members are not given out.
    if (leader && leader.startedAt !== keeper.startedAt) return [];
    return rows
      .filter((row) => row.group === keeper.pid && row.pid !== keeper.pid)
      .filter((row) => Date.parse(row.startedAt) >= Date.parse(keeper.startedAt))
      .map((row) => row.pid);
  }

  return { startTimes, kin };
}

async function ps(which: readonly string[]): Promise<Row[]> {
  const output = await run('ps', [...which, '-o', 'pid=,pgid=,stat=,lstart=']);
  return output.split('\n').flatMap((line) => {
    const [, pid, group, state, startedAt] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
    if (!pid || !startedAt || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), group: Number(group), startedAt }];
  });
}

/** `ps` ends with 1 where it found none: then its output is empty, and that is the answer. */
function run(file: string, args: readonly string[]): Promise<string> {
  // Dates in one language and time zone, so that they compare equal whenever they are asked for.
  const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
  return new Promise((resolve, reject) => {
    execFile(file, [...args], { env, maxBuffer: outputBytesMax, timeout: psMsMax }, (error, stdout) => {
      if (error && error.code !== 1)
        reject(new Error(`can not list processes: ${error.message}`, { cause: error }));
      else resolve(stdout);
    });
  });
}
