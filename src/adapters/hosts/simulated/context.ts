// What all calls of one simulated host share.

import type { DeploymentPrefix } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { MachineRef } from '../../../ports/host.ts';
import type { SimulatedFaults } from './faults.ts';
import type { Machine, SimulatedGround, SimulatedProgram } from './ground.ts';
import type { SimulatedHostOptions } from './options.ts';

export interface HostContext {
  deployment: DeploymentPrefix;
  options: SimulatedHostOptions;
  ground: SimulatedGround;
  clock: Clock;
  random: Random;
  faults: SimulatedFaults;
  program: SimulatedProgram;
}

/**
 * Machines of this deployment that a reference means. By its id, a machine is meant under any name but one that it had
 * before: a runner that is to go on with it may be ended before its activation took effect.
 */
export function machinesMeant(context: HostContext, { name, machine }: MachineRef): Machine[] {
  const { ground, deployment } = context;
  if (machine === null) {
    return [...ground.named(name)].filter((found) => found.deployment === deployment && found.name === name);
  }
  const found = ground.byId(machine);
  const isFormer = found?.formerNames.some((former) => former.name === name) ?? true;
  return found?.deployment === deployment && !isFormer ? [found] : [];
}
