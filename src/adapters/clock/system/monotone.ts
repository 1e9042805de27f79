/** Reads a clock, in milliseconds. */
export type ReadMs = () => number;

/** How fast time passes here while it is ahead of the wall clock: half as fast, so it never stands still. */
const catchUpRate = 0.5;

/**
 * The wall clock's time, in whole milliseconds, that never goes back. The wall clock may: somebody sets it, or NTP
 * steps it. Then time goes on from where it was at half the speed, measured by the machine's steady clock, until
 * the wall clock has caught up. To stand still for so long would hold back every deadline of the system. A step
 * forward (a machine that slept) is followed at once.
 */
export function createMonotoneNow(wallMs: ReadMs, steadyMs: ReadMs): ReadMs {
  let timeMs = wallMs();
  let readAtMs = steadyMs();
  return () => {
    const steady = steadyMs();
    timeMs = Math.max(wallMs(), timeMs + Math.max(0, steady - readAtMs) * catchUpRate);
    readAtMs = steady;
    return Math.floor(timeMs);
  };
}
