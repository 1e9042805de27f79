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

/** Machines of this deployment that a reference means, by the name they have now. */
export function machinesMeant(context: HostContext, { name, machine }: MachineRef): Machine[] {
  const { ground, deployment } = context;
  if (machine === null) {
    return [...ground.named(name)].filter((found) => found.deployment === deployment && found.name === name);
  }
  const found = ground.byId(machine);
  return found?.deployment === deployment && found.name === name ? [found] : [];
}
