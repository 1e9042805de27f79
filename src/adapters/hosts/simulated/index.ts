// A host in this process, on the clock and the chance that are handed in, for the simulator, tests, benchmarks and
// demonstrations. Its machines run a program that is handed in too. Whatever goes wrong is decided by `faults`.

import type { DeploymentPrefix, RunnerName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Host, HostEvent } from '../../../ports/host.ts';
import { activate } from './activate.ts';
import type { HostContext } from './context.ts';
import { describe } from './describe.ts';
import { deliverEvents } from './events.ts';
import type { SimulatedFaults } from './faults.ts';
import { createSimulatedGround, type SimulatedGround, type SimulatedProgram, takenBack } from './ground.ts';
import { launch } from './launch.ts';
import { list } from './list.ts';
import { type SimulatedHostOptions, simulatedTraits } from './options.ts';
import { standBy } from './stand-by.ts';
import { terminate } from './terminate.ts';

export type { LaunchFault, LifeFault, SimulatedFaults, TerminateFault } from './faults.ts';
export type {
  Census,
  MachineView,
  RunningProgram,
  SimulatedGround,
  SimulatedMachine,
  SimulatedObserver,
  SimulatedProgram,
} from './ground.ts';
export { createRemoteSimulatedHost } from './remote.ts';
export { createSimulatedGround, takenBack };

export interface SimulatedHost extends Omit<Host, 'standBy'>, Required<Pick<Host, 'standBy'>> {
  readonly ground: SimulatedGround;
  /** The machine dies at once; with `silently`, no event tells. False where none lives. */
  vanish(name: RunnerName, how: { cause: string; silently: boolean }): boolean;
  /** Its platform says that it takes the machine back, and does so after `noticeMs`. False where none lives. */
  interrupt(name: RunnerName, noticeMs: number): boolean;
  /** This instance says nothing more; the machines stay on their ground. */
  close(): void;
}

export interface SimulatedHostDeps {
  deployment: DeploymentPrefix;
  options: SimulatedHostOptions;
  clock: Clock;
  random: Random;
  program: SimulatedProgram;
  /** One try for each event: what it throws or rejects is the event's loss. */
  onEvent: (event: HostEvent) => Promise<void>;
  faults?: SimulatedFaults;
  /** Machines that are there already; a new ground where none is given. */
  ground?: SimulatedGround;
}

export function createSimulatedHost(deps: SimulatedHostDeps): SimulatedHost {
  const { deployment, options, clock, random, program, faults = {} } = deps;
  const ground = deps.ground ?? createSimulatedGround({ clock });
  const context: HostContext = { deployment, options, ground, clock, random, faults, program };
  const stopEvents = deliverEvents(context, deps.onEvent);

  return {
    traits: simulatedTraits(options),
    launch: (request) => launch(context, request),
    activate: (request, machine) => activate(context, request, machine),
    standBy: (machine, settings, before) => standBy(context, machine, settings, before),
    terminate: (target) => terminate(context, target),
    describe: (target) => describe(context, target),
    list: () => list(context),
    ground,
    vanish: (name, { cause, silently }) => {
      const living = livingOf(name);
      if (living) ground.die(living, cause, silently);
      return living !== undefined;
    },
    interrupt: (name, noticeMs) => {
      const living = livingOf(name);
      if (living) ground.interrupt(living, noticeMs, false);
      return living !== undefined;
    },
    close: () => stopEvents(),
  };

  function livingOf(name: RunnerName) {
    return [...ground.named(name)].find((machine) => machine.name === name && machine.diedAt === null);
  }
}
