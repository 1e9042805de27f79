// Where the machines of a host live that is not simulated: a stand-in of its platform, or the platform itself, with
// programs on its machines that do as runners do. Each is told of what was deployed before anything runs.

import type { HostSettings, PoolSettings } from '../../../src/core/configuration.ts';
import type { Cloud, Deployed } from '../../../src/deployments/aws/emulated/cloud.ts';
import type { Resource } from '../../../src/deployments/aws/emulated/deploy/adapt.ts';
import type { DeployedStack } from '../../../src/deployments/aws/emulated/deploy/index.ts';
import type { EmulatedWorld } from '../../../src/deployments/aws/emulated/world/world.ts';

export interface Ground {
  /** Machines alive now, by the platform's own word. */
  alive(): number;
  /** Sentences about what is still there; none, when all is gone. */
  left(): Promise<string[]>;
  close(): Promise<void>;
}

export interface Place {
  cloud: Cloud;
  deployed: Deployed;
  world: EmulatedWorld;
}

/** The only host of a type, with its only pool. */
export function hostOfType({ world }: Pick<Place, 'world'>, type: string): [HostSettings, PoolSettings] {
  const { hosts, pools } = world.configuration;
  const host = hosts.find((one) => one.type === type);
  const pool = pools.find((one) => one.host === host?.name);
  if (!host || !pool) throw new Error(`no host of type ${type} with a pool is configured`);
  return [host, pool];
}

export interface DeployedResource {
  logicalId: string;
  /** What it is called there. */
  name: string;
  resource: Resource;
  stack: DeployedStack;
}

export function resourcesOf({ stacks }: Deployed, type: string): DeployedResource[] {
  return stacks.flatMap((stack) =>
    Object.entries(stack.template.Resources ?? {}).flatMap(([logicalId, resource]) =>
      resource.Type === type ? [{ logicalId, name: stack.resources[logicalId] ?? '', resource, stack }] : [],
    ),
  );
}
