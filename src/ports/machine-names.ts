import type { MachineId, RunnerName } from '../core/ids.ts';
import type { EpochMs } from './clock.ts';

/** All names that a machine has had, the one that it has now first. */
export type NamesOfMachine = readonly RunnerName[];

/**
 * Which machine is whose, for a host whose platform gives machines no tags. A row is kept for `machineNameKeptMs` after
 * its last change, and longer where nobody takes it away.
 */
export interface MachineNames {
  /**
   * Gives a machine a name, by one conditional write: its first, where `instead` is null, or the next in place of that
   * one. A name that it has, or had before, changes nothing. Answers with what is so now: where somebody else was
   * first, the name is not the first of them.
   */
  remember(
    machine: MachineId,
    name: RunnerName,
    instead: RunnerName | null,
    now: EpochMs,
  ): Promise<NamesOfMachine>;
  /** Of those that have one; read strongly, so that a name that was remembered before is told. */
  namesOf(machines: readonly MachineId[]): Promise<ReadonlyMap<MachineId, NamesOfMachine>>;
}

/** A machine lives for hours, and its platform lists it as dead for about a day. */
export const machineNameKeptMs = 48 * 3_600_000;

/** A spare's and its runner's; a few more for what nobody thought of, so that a row stays small. */
export const namesOfMachineMax = 8;

/**
 * What becomes of the names of a machine, the same for every table. `null`: they stay, as this name came too late, or is
 * there already.
 */
export function namesAfter(
  names: NamesOfMachine,
  name: RunnerName,
  instead: RunnerName | null,
): NamesOfMachine | null {
  if (names.includes(name) || (names[0] ?? null) !== instead) return null;
  if (names.length >= namesOfMachineMax)
    throw new Error(`a machine of ${names[0]} has had ${names.length} names, and gets no other`);
  return [name, ...names];
}
