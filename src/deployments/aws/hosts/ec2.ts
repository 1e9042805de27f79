// Virtual machines of EC2: the launch templates and subnets come from the environment, what had no capacity is
// remembered in the table of the deployment.

import { createEc2Clients, type Ec2Clients } from '../../../adapters/hosts/ec2/client.ts';
import { readMachineEvent } from '../../../adapters/hosts/ec2/events.ts';
import { checkIdentity } from '../../../adapters/hosts/ec2/identity-document.ts';
import { createEc2Host } from '../../../adapters/hosts/ec2/index.ts';
import { readMade } from '../../../adapters/hosts/ec2/made.ts';
import { ec2HostOptions, ec2Traits } from '../../../adapters/hosts/ec2/options.ts';
import { createDynamoDbOffers } from '../../../adapters/offers/dynamodb/index.ts';
import type { PoolSettings } from '../../../core/configuration.ts';
import type { MachineId } from '../../../core/ids.ts';
import { sparesMax } from '../../../core/spares.ts';
import type { HostOpener } from '../host-opener.ts';

export const open: HostOpener['open'] = ({ settings, deployment, store, clock, random, environment }) =>
  createEc2Host({
    deployment,
    host: settings.name,
    options: ec2HostOptions.parse(settings.options),
    made: readMade(environment, settings.name),
    clients: clients(),
    offers: createDynamoDbOffers(store),
    clock,
    random,
  });

export const traits: HostOpener['traits'] = () => ec2Traits();

export const readEvent: HostOpener['readEvent'] = (event, settings) =>
  readMachineEvent(event, settings.name, clients);

/** Nothing of it is secret, and anybody could show it: it says which machine asks, and that AWS says so. */
export const identify: NonNullable<HostOpener['identify']> = (signature, { settings, pools, ...place }) => {
  const { identityCertificate: certificate } = ec2HostOptions.parse(settings.options);
  const ageMsMax = Math.max(...pools.map(ageMsMaxOf));
  const checked = checkIdentity({ signature, certificate, ageMsMax, ...place });
  return checked.outcome === 'proven' ? { machine: checked.instanceId as MachineId } : { why: checked.why };
};

/** A spare may stand by for as long as it likes, and is as old when it is put to work. */
function ageMsMaxOf(pool: PoolSettings): number {
  const { bootMs, idleMs, jobMsMax, reuseMs } = pool;
  return sparesMax(pool) > 0 ? Number.POSITIVE_INFINITY : bootMs + idleMs + jobMsMax + reuseMs;
}

let opened: Ec2Clients | null = null;

/** Once in each environment of a function. */
function clients(): Ec2Clients {
  opened ??= createEc2Clients();
  return opened;
}
