// EC2 for the deployed system: the stand-in cloud, which knows the launch templates that the stacks have made, takes at
// most as many requests as EC2 does, and runs on each machine what its boot script would: it reads its tags, proves
// itself by its signed document, claims, works on one job, and shuts down.

import { tagKeys } from '../../../src/adapters/hosts/ec2/tags.ts';
import type { StandInInstance, StandInTemplate } from '../../../src/adapters/hosts/ec2/testing/cloud.ts';
import { type Ec2StandIn, startEc2StandIn } from '../../../src/adapters/hosts/ec2/testing/server.ts';
import type { PoolName, RunnerName } from '../../../src/core/ids.ts';
import { createMachineProgram } from '../../../src/deployments/aws/emulated/world/program.ts';
import type { Clock, Random } from '../../../src/ports/clock.ts';
import type { Signer } from '../../ec2/identity.ts';
import type { EventBus } from './event-bus.ts';
import { type Ground, hostOfType, type Place, resourcesOf } from './ground.ts';

export interface Ec2Ground extends Ground {
  standIn: Ec2StandIn;
}

interface Given {
  clock: Clock;
  random: Random;
  bus: EventBus;
  signer: Signer;
  /** The zone of each subnet. */
  subnets: Readonly<Record<string, string>>;
  onError(error: unknown): void;
}

/** As EC2 grants them by default. [EC2: Request throttling] */
const buckets = {
  CreateFleet: { burst: 5, perSecond: 2 },
  DescribeInstances: { burst: 100, perSecond: 20 },
  TerminateInstances: { burst: 100, perSecond: 5 },
};
/** Long enough to be seen in each state, and short beside a minute that machines really take. */
const pendingMs = 300;
const endingMs = 300;
const visibleAfterMs = 200;
const imageId = 'ami-0123456789abcdef0';

export async function startEc2Ground(place: Place, given: Given): Promise<Ec2Ground> {
  const { clock, random, bus, signer, subnets, onError } = given;
  const { world, cloud, deployed } = place;
  const [host, { name: pool }] = hostOfType(place, 'ec2');
  const templates = resourcesOf(deployed, 'AWS::EC2::LaunchTemplate').map(templateOf);
  const program = createMachineProgram({
    clock,
    random,
    gitHub: world.gitHub.world,
    milestones: ['registered'],
    proofOf: async ({ name }) => ({ identity: await identityOf(name) }),
  });
  const running = new Map<string, { vanish(): void }>();
  const limits = world.limits.observer(host, () => ({
    alive: alive().length,
    byPool: new Map<PoolName, number>([[pool, alive().length]]),
  }));
  const standIn = await startEc2StandIn({
    clock,
    subnets,
    templates,
    parameters: new Map(
      templates.flatMap(({ image = '' }) => [[image.replace('resolve:ssm:', ''), imageId]]),
    ),
    buckets,
    ...{ pendingMs, endingMs, visibleAfterMs },
    onEvent(event) {
      const instance = standIn.cloud.instances.get(event.detail['instance-id'] ?? '');
      if (instance) onState(instance);
      bus.tell(event).catch(onError);
    },
  });
  cloud.wire.route('ec2', standIn.endpoint);

  const alive = (): StandInInstance[] =>
    [...standIn.cloud.instances.values()].filter(({ state }) => state !== 'terminated');
  const nameOf = ({ tags }: StandInInstance): string => tags.get(tagKeys.name) ?? '';

  function onState(instance: StandInInstance): void {
    if (instance.state === 'pending') limits.born({ pool });
    if (instance.state === 'running') boot(instance);
    if (instance.state === 'shutting-down') {
      running.get(instance.id)?.vanish();
      running.delete(instance.id);
    }
  }

  function boot(instance: StandInInstance): void {
    const started = program({
      name: nameOf(instance) as RunnerName,
      // It is given no token: its document is its proof.
      configuration: { kind: 'claimed', url: instance.tags.get(tagKeys.claim) ?? '', token: '' },
      end: () => standIn.cloud.shutDown(instance),
      standBy: () => onError(new Error(`${nameOf(instance)} was told to stand by: its pool has no spares`)),
    });
    running.set(instance.id, started);
  }

  function identityOf(name: string): Promise<string> {
    const found = alive().find((instance) => nameOf(instance) === name);
    if (!found) throw new Error(`no machine is called ${name}`);
    const { id: instance, instanceType: type, zone, launchedAt: startedAt } = found;
    return signer.sign({ instance, type, zone, startedAt });
  }

  return {
    standIn,
    alive: () => alive().length,
    left: async () => alive().map((one) => `machine ${one.id} of ${nameOf(one)} is ${one.state}`),
    async close() {
      for (const { vanish } of running.values()) vanish();
      await standIn.close();
    },
  };
}

/** As the deploy made it. */
function templateOf({ name: id, resource }: ReturnType<typeof resourcesOf>[number]): StandInTemplate {
  const data = resource.Properties?.['LaunchTemplateData'] as {
    ImageId: string;
    InstanceInitiatedShutdownBehavior: 'stop' | 'terminate';
    TagSpecifications: { ResourceType: string; Tags: { Key: string; Value: string }[] }[];
  };
  const tags = data.TagSpecifications.find(({ ResourceType }) => ResourceType === 'instance')?.Tags ?? [];
  return {
    id,
    versions: 1,
    image: data.ImageId,
    shutdownBehaviour: data.InstanceInitiatedShutdownBehavior,
    hibernation: false,
    tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])),
  };
}
