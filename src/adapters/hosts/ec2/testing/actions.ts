// The calls of EC2 that the adapter makes, each as EC2 answers it.

import type { Cloud, StandInInstance } from './cloud.ts';
import { checkCount, checkTags } from './cloud.ts';
import type { StandInDedicatedHost } from './dedicated-hosts.ts';
import { type Params, part, parts, text, texts } from './query.ts';
import { Ec2Refusal } from './refusal.ts';
import type { Xml } from './xml.ts';

type Fields = { readonly [name: string]: Xml | undefined };
export type Action = (cloud: Cloud, params: Params) => Fields;

/** Sizes of a page. [EC2: DescribeInstances] */
const pageMin = 5;
const pageMax = 1000;

export const actions: Readonly<Record<string, Action>> = {
  CreateFleet: createFleet,
  RunInstances: runInstances,
  DescribeInstances: describeInstances,
  TerminateInstances: (cloud, params) => {
    // All are looked up first: one that is not there fails the call, and nothing is ended.
    const changed = texts(params, 'InstanceId')
      .map(cloud.find)
      .map((instance) => change(instance, () => cloud.terminate(instance)));
    return { instancesSet: changed };
  },
  StartInstances: (cloud, params) => ({
    instancesSet: texts(params, 'InstanceId')
      .map(cloud.find)
      .map((instance) => change(instance, () => cloud.start(instance))),
  }),
  StopInstances: (cloud, params) => ({
    instancesSet: texts(params, 'InstanceId')
      .map(cloud.find)
      .map((instance) => change(instance, () => cloud.stop(instance, text(params, 'Hibernate') === 'true'))),
  }),
  CreateTags: (cloud, params) => {
    const tags = tagsOf(params);
    checkTags(tags);
    for (const one of texts(params, 'ResourceId').map((id) => taggable(cloud, id))) {
      checkCount(new Map([...one.tags, ...tags]));
      for (const [key, value] of tags) one.tags.set(key, value);
    }
    return { return: true };
  },
  DescribeLaunchTemplateVersions: describeLaunchTemplateVersions,
  AllocateHosts: allocateHosts,
  DescribeHosts: describeHosts,
  ReleaseHosts: (cloud, params) => {
    const released = texts(params, 'HostId').map((id) => ({ id, refused: cloud.dedicated.release(id) }));
    return {
      successful: released.flatMap(({ id, refused }) => (refused ? [] : [id])),
      unsuccessful: released.flatMap(({ id, refused }) =>
        refused ? [{ resourceId: id, error: refused }] : [],
      ),
    };
  },
};

/** Those that start something: a token makes them idempotent. */
export const withToken: ReadonlySet<string> = new Set(['CreateFleet', 'RunInstances', 'AllocateHosts']);

function createFleet(cloud: Cloud, params: Params): Fields {
  const target = part(params, 'TargetCapacitySpecification');
  const wanted = Number(text(target, 'TotalTargetCapacity') ?? 0);
  if (text(params, 'Type') !== 'instant' || wanted < 1)
    throw new Ec2Refusal(
      'InvalidParameterValue',
      'only instant fleets of one machine or more are known here',
    );
  const market = text(target, 'DefaultTargetCapacityType') === 'spot' ? 'spot' : 'onDemand';
  const tags = tagsFor(params, 'instance');
  const errors: Fields[] = [];
  const born: { instance: StandInInstance; overrides: Fields }[] = [];

  for (const config of parts(params, 'LaunchTemplateConfigs')) {
    const specification = part(config, 'LaunchTemplateSpecification');
    const template = cloud.templateOf(
      text(specification, 'LaunchTemplateId'),
      text(specification, 'Version'),
    );
    for (const override of byPriority(parts(config, 'Overrides'))) {
      const instanceType = text(override, 'InstanceType') ?? '';
      const subnet = text(override, 'SubnetId') ?? '';
      const launchTemplateAndOverrides = {
        launchTemplateSpecification: {
          launchTemplateId: template.id,
          version: text(specification, 'Version'),
        },
        overrides: { instanceType, subnetId: subnet, availabilityZone: cloud.settings.subnets[subnet] },
      };
      const version = text(specification, 'Version');
      while (born.length < wanted) {
        try {
          const instance = cloud.bear({ instanceType, subnet, market, template, version, tags });
          born.push({ instance, overrides: launchTemplateAndOverrides });
        } catch (error) {
          if (!(error instanceof Ec2Refusal)) throw error;
          errors.push({
            launchTemplateAndOverrides,
            lifecycle: lifecycleOf(market),
            errorCode: error.code,
            errorMessage: error.message,
          });
          break;
        }
      }
    }
  }
  return {
    fleetId: `fleet-${text(params, 'ClientToken')}`,
    errorSet: errors,
    fleetInstanceSet: born.map(({ instance, overrides }) => ({
      launchTemplateAndOverrides: overrides,
      lifecycle: lifecycleOf(market),
      instanceIds: [instance.id],
      instanceType: instance.instanceType,
    })),
  };
}

function runInstances(cloud: Cloud, params: Params): Fields {
  const specification = part(params, 'LaunchTemplate');
  const template = cloud.templateOf(text(specification, 'LaunchTemplateId'), text(specification, 'Version'));
  const instance = cloud.bear({
    instanceType: text(params, 'InstanceType') ?? '',
    subnet: text(params, 'SubnetId') ?? '',
    market: 'onDemand',
    template,
    version: text(specification, 'Version'),
    tags: tagsFor(params, 'instance'),
    hostId: text(part(params, 'Placement'), 'HostId'),
  });
  return { reservationId: `r-${instance.id}`, instancesSet: [described(instance)] };
}

function describeInstances(cloud: Cloud, params: Params): Fields {
  const ids = texts(params, 'InstanceId');
  if (ids.length > 0) return { reservationSet: ids.map(cloud.find).map(reservation) };
  const filters = parts(params, 'Filter');
  const matching = cloud.visible().filter((instance) => filters.every((filter) => matches(instance, filter)));
  const size = Number(text(params, 'MaxResults') ?? pageMax);
  if (size < pageMin || size > pageMax)
    throw new Ec2Refusal('InvalidParameterValue', `MaxResults must be ${pageMin} to ${pageMax}`);
  const from = Number(text(params, 'NextToken') ?? 0);
  const to = from + Math.min(size, cloud.settings.pageSize ?? pageMax);
  return {
    reservationSet: matching.slice(from, to).map(reservation),
    nextToken: to < matching.length ? String(to) : undefined,
  };
}

/** One template with one version: all that is asked for. */
function describeLaunchTemplateVersions(cloud: Cloud, params: Params): Fields {
  const id = text(params, 'LaunchTemplateId');
  const [version] = texts(params, 'LaunchTemplateVersion');
  const template = cloud.templateOf(id, version);
  const imageId = text(params, 'ResolveAlias') === 'true' ? cloud.imageOf(template) : template.image;
  return {
    launchTemplateVersionSet: [
      { launchTemplateId: template.id, versionNumber: version, launchTemplateData: { imageId } },
    ],
  };
}

function allocateHosts(cloud: Cloud, params: Params): Fields {
  const quantity = Number(text(params, 'Quantity') ?? 0);
  if (quantity !== 1) throw new Ec2Refusal('InvalidParameterValue', 'one host at a time is known here');
  const zone = text(params, 'AvailabilityZone') ?? '';
  if (!Object.values(cloud.settings.subnets).includes(zone))
    throw new Ec2Refusal('InvalidParameterValue', `Invalid availability zone: [${zone}]`);
  const host = cloud.dedicated.allocate({
    instanceType: text(params, 'InstanceType') ?? '',
    zone,
    autoPlacement: text(params, 'AutoPlacement') === 'on',
    tags: tagsFor(params, 'dedicated-host'),
    clientToken: text(params, 'ClientToken'),
  });
  return { hostIdSet: [host.id] };
}

function describeHosts(cloud: Cloud, params: Params): Fields {
  const filters = parts(params, 'Filter');
  const hosts = cloud.dedicated
    .visible()
    .filter((host) => filters.every((filter) => hostMatches(host, filter)));
  return { hostSet: hosts.map(describedHost) };
}

/** EC2 knows no filter by the value of a host's tag. [EC2: DescribeHosts] */
function hostMatches(host: StandInDedicatedHost, filter: Params): boolean {
  const name = text(filter, 'Name') ?? '';
  const values = texts(filter, 'Value');
  switch (name) {
    case 'state':
      return values.includes(host.state);
    case 'instance-type':
      return values.includes(host.instanceType);
    case 'availability-zone':
      return values.includes(host.zone);
    case 'tag-key':
      return values.some((key) => host.tags.has(key));
    default:
      throw new Ec2Refusal('InvalidParameterValue', `The filter '${name}' is invalid`);
  }
}

function describedHost(host: StandInDedicatedHost): Fields {
  return {
    hostId: host.id,
    state: host.state,
    availabilityZone: host.zone,
    autoPlacement: host.autoPlacement ? 'on' : 'off',
    clientToken: host.clientToken,
    hostProperties: { instanceType: host.instanceType },
    allocationTime: new Date(host.allocatedAt).toISOString(),
    releaseTime: host.releasedAt === null ? undefined : new Date(host.releasedAt).toISOString(),
    instances: host.occupant === null ? [] : [{ instanceId: host.occupant, instanceType: host.instanceType }],
    tagSet: [...host.tags].map(([key, value]) => ({ key, value })),
  };
}

function taggable(cloud: Cloud, id: string): { tags: Map<string, string> } {
  if (!id.startsWith('h-')) return cloud.find(id);
  const host = cloud.dedicated.visible().find((one) => one.id === id && one.state !== 'released');
  if (!host) throw new Ec2Refusal('InvalidHostID.NotFound', `The Host ID '${id}' does not exist`);
  return host;
}

function matches(instance: StandInInstance, filter: Params): boolean {
  const name = text(filter, 'Name') ?? '';
  const values = texts(filter, 'Value');
  if (name === 'instance-id') return values.includes(instance.id);
  if (name === 'instance-state-name') return values.includes(instance.state);
  if (name.startsWith('tag:')) return values.includes(instance.tags.get(name.slice(4)) ?? '\0');
  throw new Ec2Refusal('InvalidParameterValue', `The filter '${name}' is invalid`);
}

function reservation(instance: StandInInstance): Fields {
  return { reservationId: `r-${instance.id}`, instancesSet: [described(instance)] };
}

function described(instance: StandInInstance): Fields {
  return {
    instanceId: instance.id,
    instanceType: instance.instanceType,
    instanceState: { code: stateCodes[instance.state], name: instance.state },
    instanceLifecycle: instance.market === 'spot' ? 'spot' : undefined,
    subnetId: instance.subnet,
    imageId: instance.image,
    placement: {
      availabilityZone: instance.zone,
      ...(instance.dedicatedHost && { tenancy: 'host', hostId: instance.dedicatedHost }),
    },
    launchTime: new Date(instance.launchedAt).toISOString(),
    stateReason: instance.reason ?? undefined,
    reason: instance.reason?.message ?? '',
    tagSet: [...instance.tags].map(([key, value]) => ({ key, value })),
  };
}

function change(instance: StandInInstance, act: () => void): Fields {
  const previousState = { code: stateCodes[instance.state], name: instance.state };
  act();
  return {
    instanceId: instance.id,
    currentState: { code: stateCodes[instance.state], name: instance.state },
    previousState,
  };
}

const stateCodes: Record<StandInInstance['state'], number> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
};

function lifecycleOf(market: 'spot' | 'onDemand'): string {
  return market === 'spot' ? 'spot' : 'on-demand';
}

function byPriority(overrides: readonly Params[]): Params[] {
  const priority = (override: Params) => Number(text(override, 'Priority') ?? Number.POSITIVE_INFINITY);
  return [...overrides].sort((a, b) => priority(a) - priority(b) || 0);
}

function tagsFor(params: Params, resourceType: string): Map<string, string> {
  const specification = parts(params, 'TagSpecification').find(
    (one) => text(one, 'ResourceType') === resourceType,
  );
  return tagsOf(specification ?? {});
}

function tagsOf(params: Params): Map<string, string> {
  return new Map(parts(params, 'Tag').map((tag) => [text(tag, 'Key') ?? '', text(tag, 'Value') ?? '']));
}
