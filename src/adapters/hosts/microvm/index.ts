// MicroVMs of Lambda: a virtual machine for each job, from a snapshot, for up to eight hours. Linux on arm64.
//
//   launch     RunMicrovm; the client token is the runner's name and attempt. Then its name is written down
//   activate   its new name is written down, then ResumeMicrovm where the spare was suspended
//   standBy    SuspendMicrovm
//   terminate  GetMicrovm (is it ours?), TerminateMicrovm, and a few looks until it is gone
//   describe   GetMicrovm;  list: ListMicrovms, all pages, those of this host's images
//
// They carry no tags: which machine is whose is written down by `MachineNames`, and that it is ours is told by its image.

import type { MachineId } from '../../../core/ids.ts';
import type { Host } from '../../../ports/host.ts';
import type { NamesOfMachine } from '../../../ports/machine-names.ts';
import { activate } from './activate.ts';
import type { HostContext } from './context.ts';
import { describe } from './describe.ts';
import { launch } from './launch.ts';
import { list } from './list.ts';
import { microvmTraits } from './options.ts';
import { standBy } from './stand-by.ts';
import { terminate } from './terminate.ts';

export type { HostContext as MicrovmHostDeps } from './context.ts';

export interface MicrovmHost extends Host {
  standBy: NonNullable<Host['standBy']>;
}

export function createMicrovmHost(context: HostContext): MicrovmHost {
  const remembered = new Map<MachineId, NamesOfMachine>();
  return {
    traits: microvmTraits(),
    launch: (request) => launch(context, request),
    activate: (request, machine) => activate(context, request, machine),
    standBy: (machine, settings, before) => standBy(context, machine, settings, before),
    terminate: (target) => terminate(context, target),
    describe: (target) => describe(context, target),
    list: () => list(context, remembered),
  };
}
