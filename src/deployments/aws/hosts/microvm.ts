// MicroVMs of Lambda: the images come from the environment, and which machine is whose is in the table of the deployment.
// Lambda tells nobody of their ends: what ends is told by the host's list, and by whoever ended it.

import { createMicrovmClients, type MicrovmClients } from '../../../adapters/hosts/microvm/client.ts';
import { createMicrovmHost } from '../../../adapters/hosts/microvm/index.ts';
import { readMade } from '../../../adapters/hosts/microvm/made.ts';
import { microvmTraits } from '../../../adapters/hosts/microvm/options.ts';
import { createDynamoDbClient } from '../../../adapters/jobs-tables/dynamodb/client.ts';
import { createDynamoDbMachineNames } from '../../../adapters/machine-names/dynamodb/index.ts';
import type { MachineNames } from '../../../ports/machine-names.ts';
import { readEnvironment } from '../environment.ts';
import type { HostOpener } from '../host-opener.ts';

export const open: HostOpener['open'] = ({ settings, clock, random, environment }) =>
  createMicrovmHost({
    host: settings.name,
    made: readMade(environment, settings.name),
    clients: clients(),
    names: namesIn(environment),
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

function namesIn(environment: Readonly<Record<string, string | undefined>>): MachineNames {
  let names: MachineNames | null = null;
  const open = (): MachineNames => {
    const tableName = readEnvironment(environment, ['JOBS_TABLE']).JOBS_TABLE;
    names ??= createDynamoDbMachineNames({ client: createDynamoDbClient({}), tableName });
    return names;
  };
  return {
    remember: (machine, name, instead, now) => open().remember(machine, name, instead, now),
    namesOf: (machines) => open().namesOf(machines),
  };
}
