// Lists and descriptions are read from copies that lag behind, machine by machine.

import assert from 'node:assert/strict';
import type { RunnerName } from '../../../core/ids.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { HostContext } from './context.ts';
import type { ReadFault } from './faults.ts';
import type { Machine } from './ground.ts';

/** When the copy was made from which this machine is read. */
export function readAt(context: HostContext, fault: ReadFault | undefined, name: string): EpochMs {
  const now = context.clock.now();
  if (fault?.kind !== 'stale') return now;
  const ageMs = fault.ageMs(name);
  const { listStalenessMs } = context.options;
  assert.ok(
    ageMs >= 0 && ageMs <= listStalenessMs,
    `an answer ${ageMs} ms old: listStalenessMs is ${listStalenessMs}`,
  );
  return now - ageMs;
}

export function isAliveAt(machine: Machine, at: EpochMs): boolean {
  return machine.bornAt <= at && (machine.diedAt === null || machine.diedAt > at);
}

export function nameAt(machine: Machine, at: EpochMs): RunnerName {
  return machine.formerNames.find((former) => former.until > at)?.name ?? machine.name;
}
