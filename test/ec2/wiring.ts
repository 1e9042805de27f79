// The pipeline with EC2 behind it, as a process of its own would wire it: the adapter, and the doors that know EC2's signed
// documents, as the functions on AWS do.

import type { Ec2Clients } from '../../src/adapters/hosts/ec2/client.ts';
import { createEc2Host } from '../../src/adapters/hosts/ec2/index.ts';
import { ec2HostOptions } from '../../src/adapters/hosts/ec2/options.ts';
import { subnets } from '../../src/adapters/hosts/ec2/testing.ts';
import { gitHubName, type HostName } from '../../src/core/ids.ts';
import * as ec2 from '../../src/deployments/aws/hosts/ec2.ts';
import { identifyBy } from '../../src/deployments/aws/identify.ts';
import { createPipeline, type Pipeline, type PipelineDeps } from '../../src/deployments/pipeline.ts';
import { type Context, makeClaimDoor, makeMilestoneDoor } from '../../src/deployments/stations.ts';
import type { Offers } from '../../src/ports/offers.ts';
import { account, region } from './identity.ts';

export const hostName = 'cloud' as HostName;
export const gitHubOfTests = gitHubName('github.test');
export const webhookSecret = 'a webhook secret of sixteen and more';

export interface OnEc2 extends Context, Pick<PipelineDeps, 'table' | 'github' | 'budgets' | 'claimUrl'> {
  offers: Offers;
  clients: Ec2Clients;
  /** Of each pool, `<id>:<version>`; changed in place by who deploys a new one. */
  templates: Readonly<Record<string, string>>;
}

export function openOnEc2({ offers, clients, templates, ...deps }: OnEc2): Pipeline {
  const identify = identifyBy({ ec2 }, deps, { ACCOUNT_ID: account, REGION: region });
  const host = createEc2Host({
    deployment: deps.deployment.prefix,
    host: hostName,
    options: ec2HostOptions.parse(deps.configuration.hosts[0]?.options),
    made: { stack: 'test', templates, subnets },
    clients,
    offers,
    clock: deps.clock,
    random: deps.random,
  });
  return createPipeline({
    ...deps,
    hosts: () => new Map([[hostName, host]]),
    webhookSecrets: [webhookSecret],
    station(name, make, ports) {
      const doors = { claim: makeClaimDoor, milestones: makeMilestoneDoor };
      if (name !== 'claim' && name !== 'milestones') return make(ports);
      return doors[name](deps, ports, identify) as unknown as ReturnType<typeof make>;
    },
  });
}
