// MicroVMs of Lambda: the images come from the environment, and which machine is whose is in the table of the deployment.
// Lambda tells nobody of their ends: what ends is told by the host's list, and by whoever ended it.

import { createMicrovmClients, type MicrovmClients } from '../../../adapters/hosts/microvm/client.ts';
import { createMicrovmHost } from '../../../adapters/hosts/microvm/index.ts';
import { readMade } from '../../../adapters/hosts/microvm/made.ts';
import { microvmTraits } from '../../../adapters/hosts/microvm/options.ts';
import { createDynamoDbMachineNames } from '../../../adapters/machine-names/dynamodb/index.ts';
import type { HostOpener } from '../host-opener.ts';

export const open: HostOpener['open'] = ({ settings, store, clock, random, environment }) =>
  createMicrovmHost({
    host: settings.name,
    made: readMade(environment, settings.name),
    clients: clients(),
    names: createDynamoDbMachineNames(store),
    clock,
    random,
  });

export const traits: HostOpener['traits'] = () => microvmTraits();

/** EventBridge has no event of a MicroVM's end. */
export const readEvent: HostOpener['readEvent'] = () => null;

let opened: MicrovmClients | null = null;

/** Once in each environment of a function. */
function clients(): MicrovmClients {
  opened ??= createMicrovmClients();
  return opened;
}
