import { type Kinship, type ProcessTable, signal } from './index.ts';

/** Daemons that a job left get this long for a clean end, in steps. */
const politeRounds = 20;
const politePauseMs = 100;
/** Killed processes are gone within milliseconds; one that forks faster than we list is caught by the repetition. */
const killRounds = 200;
const killPauseMs = 20;
/** What is still there waits for a device or belongs to another user: it may end by itself, so we go on, slowly. */
const stubbornPauseMs = 1000;

/**
 * Ends every process that belongs to the runner and resolves when none is left, however long that takes: until then
 * the runner is alive. `isUrgent` leaves out the polite signal.
 */
export async function endKin(
  processes: ProcessTable,
  of: Kinship,
  sleep: (ms: number) => Promise<unknown>,
  isUrgent: () => boolean,
): Promise<void> {
  for (let round = 0; ; round += 1) {
    const left = await processes.kin(of);
    if (left.length === 0) return;
    const isPolite = round < politeRounds && !isUrgent();
    if (round === 0 || !isPolite) for (const pid of left) signal(pid, isPolite ? 'SIGTERM' : 'SIGKILL');
    const isStubborn = round > politeRounds + killRounds;
    await sleep(isPolite ? politePauseMs : isStubborn ? stubbornPauseMs : killPauseMs);
  }
}
