// The one thing that is certain of an invocation that nobody can list, describe or stop: when it is over at the latest.
//
//   call ──(answer)── waits in Lambda's queue, up to the maximum event age ── runs, up to the time-out ── over
//
// No retry follows, by the function's setting. A duplicate of the event, which Lambda delivers now and then, has the
// event's age too. [Lambda: Asynchronous invocation] So the machine's id carries that time, and nothing is stored: who
// knows the id knows when the machine is dead.

import type { MachineId } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';

/** The least that Lambda takes. What waits for longer is too late to be of use, and comes back by the destination. */
export const eventAgeSecondsMax = 60;

/** [Lambda: quotas: 900 s, whatever the API's model says of 1,800] */
export const timeoutSeconds = 900;

/** Clocks that differ, and the moments between a time-out and the end of what it ends. */
const marginMs = 30_000;

/** After the call was made, or was given up. */
export const lastEffectMs = (eventAgeSecondsMax + timeoutSeconds) * 1_000 + marginMs;

/** `<request id>@<hard end>`: people find the invocation in its log by the first. */
export function machineOf(requestId: string, calledAt: EpochMs): MachineId {
  return `${requestId}@${calledAt + lastEffectMs}` as MachineId;
}

/** `null` where it is none of this host's. */
export function hardEndOf(machine: MachineId): EpochMs | null {
  const [, end] = /^[0-9a-f-]{36}@(\d{13})$/.exec(machine) ?? [];
  return end === undefined ? null : Number(end);
}
