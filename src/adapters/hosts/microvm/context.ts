// What all calls of one host on MicroVMs share.

import type { HostName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { MachineNames } from '../../../ports/machine-names.ts';
import type { MicrovmClients } from './client.ts';
import type { Made } from './made.ts';

export interface HostContext {
  host: HostName;
  made: Made;
  clients: MicrovmClients;
  names: MachineNames;
  clock: Clock;
  random: Random;
}
