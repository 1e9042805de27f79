// EC2 as far as this system sees it: machines with their states, by the clock that is handed in; capacity by type, zone
// and market; tokens that answer for ever for what they did; buckets of requests; and the lag of what is told.
//
//   launched → pending → running → shutting-down → terminated → (an hour later) unknown
//                          ↕ stopping, stopped

import type { Cancel, Clock, EpochMs } from '../../../../ports/clock.ts';
import { createDedicatedHosts, type DedicatedHostSettings, needsHost } from './dedicated-hosts.ts';
import { interruptionNoticed, type StandInEvent, stateChanged } from './events.ts';
import { Ec2Refusal } from './refusal.ts';

export type State = 'pending' | 'running' | 'stopping' | 'stopped' | 'shutting-down' | 'terminated';

export interface StandInInstance {
  readonly id: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly subnet: string;
  readonly market: 'spot' | 'onDemand';
  readonly template: StandInTemplate;
  readonly image: string;
  /** The dedicated host that it is on. */
  readonly dedicatedHost: string | null;
  readonly tags: Map<string, string>;
  readonly launchedAt: EpochMs;
  state: State;
  /** Why it is in this state, as DescribeInstances says. */
  reason: { code: string; message: string } | null;
  endedAt: EpochMs | null;
  timer: Cancel | null;
}

export interface StandInTemplate {
  id: string;
  versions: number;
  shutdownBehaviour: 'stop' | 'terminate';
  hibernation: boolean;
  /** An image's id, or `resolve:ssm:` and the name of the parameter that holds one. */
  image?: string;
  tags: Readonly<Record<string, string>>;
}

export interface CloudSettings extends DedicatedHostSettings {
  clock: Clock;
  /** By id, each with its zone. */
  subnets: Readonly<Record<string, string>>;
  templates: readonly StandInTemplate[];
  /** What Systems Manager's parameters hold now. */
  parameters?: ReadonlyMap<string, string>;
  /** Room by `<type>/<zone>/<market>`; what is not listed has room for all. */
  capacity?: Readonly<Record<string, number>>;
  /** A launched machine is unknown to every other call for so long. */
  visibleAfterMs?: number;
  /** Machines that the account may have in a market. */
  limits?: Partial<Record<'spot' | 'onDemand', number>>;
  /** Pages are no larger than this, whatever is asked for. */
  pageSize?: number;
  pendingMs?: number;
  stoppingMs?: number;
  endingMs?: number;
  /** From the notice until a spot machine is taken. EC2: two minutes. */
  noticeMs?: number;
  /** What EventBridge is told. */
  onEvent?: (event: StandInEvent) => void;
}

/** A terminated machine is listed for about an hour. [EC2: Terminate instances] */
const tombstoneMs = 3_600_000;
const tagsMax = 50;
const noticeMsDefault = 120_000;
/** What EC2 notes of a launch on the machine. [EC2: Instances that are launched from a template] */
const templateTag = 'aws:ec2launchtemplate';
const imageDefault = 'ami-00000000000000001';

export type Cloud = ReturnType<typeof createCloud>;

export function createCloud(settings: CloudSettings) {
  const { clock, subnets, visibleAfterMs = 0, pendingMs = 50, stoppingMs = 50, endingMs = 50 } = settings;
  const instances = new Map<string, StandInInstance>();
  const notices = new Set<Cancel>();
  const templates = new Map(settings.templates.map((template) => [template.id, template]));
  const capacity = new Map(Object.entries(settings.capacity ?? {}));
  const dedicated = createDedicatedHosts(settings);
  let born = 0;

  function zoneOf(subnet: string): string {
    const zone = subnets[subnet];
    if (zone === undefined)
      throw new Ec2Refusal('InvalidSubnetID.NotFound', `The subnet ID '${subnet}' does not exist`);
    return zone;
  }

  function templateOf(id: string | undefined, version: string | undefined): StandInTemplate {
    const template = templates.get(id ?? '');
    if (!template)
      throw new Ec2Refusal('InvalidLaunchTemplateId.NotFound', `The launch template '${id}' does not exist`);
    if (version !== undefined && !(Number(version) >= 1 && Number(version) <= template.versions)) {
      throw new Ec2Refusal(
        'InvalidLaunchTemplateId.VersionNotFound',
        `Could not find the version '${version}'`,
      );
    }
    return template;
  }

  /** As it is at this moment, where a parameter holds it. */
  function imageOf({ image = imageDefault }: StandInTemplate): string {
    const [, parameter] = /^resolve:ssm:(.*)$/.exec(image) ?? [];
    if (parameter === undefined) return image;
    const found = settings.parameters?.get(parameter);
    if (found === undefined)
      throw new Ec2Refusal('InvalidParameterValue', `The parameter '${parameter}' could not be resolved`);
    return found;
  }

  /** A machine, if there is room for it. */
  function bear(given: {
    instanceType: string;
    subnet: string;
    market: 'spot' | 'onDemand';
    template: StandInTemplate;
    version: string | undefined;
    tags: ReadonlyMap<string, string>;
    /** It names a dedicated host. */
    hostId?: string | undefined;
  }): StandInInstance {
    const zone = zoneOf(given.subnet);
    const { instanceType } = given;
    const host = needsHost(instanceType) ? dedicated.hostFor({ instanceType, zone, id: given.hostId }) : null;
    const offer = `${given.instanceType}/${zone}/${given.market}`;
    const room = capacity.get(offer) ?? Number.POSITIVE_INFINITY;
    if (room <= 0) {
      throw new Ec2Refusal(
        'InsufficientInstanceCapacity',
        `We currently do not have sufficient ${given.instanceType} capacity in the Availability Zone you requested (${zone}).`,
        500,
      );
    }
    const alive = [...instances.values()].filter(
      ({ market, state }) => market === given.market && state !== 'terminated',
    );
    if (alive.length >= (settings.limits?.[given.market] ?? Number.POSITIVE_INFINITY)) {
      const code = given.market === 'spot' ? 'MaxSpotInstanceCountExceeded' : 'VcpuLimitExceeded';
      throw new Ec2Refusal(code, 'You have requested more than your current limit allows.');
    }
    const tags = new Map([...Object.entries(given.template.tags), ...given.tags]);
    checkTags(tags);
    capacity.set(offer, room - 1);
    born += 1;
    tags.set(`${templateTag}:id`, given.template.id);
    tags.set(`${templateTag}:version`, given.version ?? String(given.template.versions));
    const instance: StandInInstance = {
      id: `i-${born.toString(16).padStart(17, '0')}`,
      instanceType,
      zone,
      subnet: given.subnet,
      market: given.market,
      template: given.template,
      image: imageOf(given.template),
      dedicatedHost: host?.id ?? null,
      tags,
      launchedAt: clock.now(),
      state: 'pending',
      reason: null,
      endedAt: null,
      timer: null,
    };
    instances.set(instance.id, instance);
    if (host) host.occupant = instance.id;
    settings.onEvent?.(stateChanged(instance.id, instance.state, clock.now()));
    later(instance, pendingMs, 'running');
    return instance;
  }

  function enter(instance: StandInInstance, state: State): void {
    instance.timer?.();
    instance.timer = null;
    instance.state = state;
    if (state === 'terminated') instance.endedAt = clock.now();
    if (state === 'terminated' || state === 'stopped') dedicated.vacate(instance.id);
    settings.onEvent?.(stateChanged(instance.id, instance.state, clock.now()));
  }

  function later(instance: StandInInstance, afterMs: number, state: State): void {
    instance.timer?.();
    instance.timer = clock.after(afterMs, () => enter(instance, state));
  }

  /** As every call but the launch itself sees it: not yet, for some time. */
  function find(id: string): StandInInstance {
    if (!/^i-[0-9a-f]{8,17}$/.test(id))
      throw new Ec2Refusal('InvalidInstanceID.Malformed', `Invalid id: "${id}"`);
    const instance = visible().find((one) => one.id === id);
    if (!instance)
      throw new Ec2Refusal('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`);
    return instance;
  }

  function visible(): StandInInstance[] {
    const now = clock.now();
    return [...instances.values()].filter(
      ({ launchedAt, endedAt }) =>
        launchedAt + visibleAfterMs <= now && (endedAt === null || endedAt + tombstoneMs > now),
    );
  }

  function terminate(instance: StandInInstance, code = 'Client.UserInitiatedShutdown'): void {
    if (instance.state === 'terminated' || instance.state === 'shutting-down') return;
    instance.reason = { code, message: `${code}: the machine ends` };
    enter(instance, 'shutting-down');
    later(instance, endingMs, 'terminated');
  }

  /** EC2 wants a spot machine back: says so, and takes it when the notice is over, whatever runs on it. */
  function interrupt(instance: StandInInstance): void {
    if (instance.market !== 'spot' || instance.state !== 'running')
      throw new Error(
        `${instance.id} is ${instance.market} and ${instance.state}: EC2 takes back running spot`,
      );
    settings.onEvent?.(interruptionNoticed(instance.id, clock.now()));
    notices.add(
      clock.after(settings.noticeMs ?? noticeMsDefault, () =>
        terminate(instance, 'Server.SpotInstanceTermination'),
      ),
    );
  }

  function start(instance: StandInInstance): void {
    if (instance.state === 'running' || instance.state === 'pending') return;
    if (instance.state !== 'stopped') throw wrongState(instance, 'started');
    const room = capacity.get(`${instance.instanceType}/${instance.zone}/start`) ?? 1;
    if (room <= 0)
      throw new Ec2Refusal('InsufficientInstanceCapacity', 'Insufficient capacity to start it.', 500);
    enter(instance, 'pending');
    later(instance, pendingMs, 'running');
  }

  function stop(instance: StandInInstance, hibernates: boolean): void {
    if (instance.state === 'stopped' || instance.state === 'stopping') return;
    if (instance.state !== 'running') throw wrongState(instance, 'stopped');
    if (instance.market === 'spot')
      throw new Ec2Refusal('UnsupportedOperation', 'You can not stop a one-time Spot Instance.');
    if (hibernates && !instance.template.hibernation)
      throw new Ec2Refusal('UnsupportedHibernationConfiguration', 'The instance is not configured for it.');
    enter(instance, 'stopping');
    later(instance, stoppingMs, 'stopped');
  }

  return {
    settings,
    instances,
    dedicated,
    imageOf,
    zoneOf,
    templateOf,
    bear,
    find,
    visible,
    terminate,
    interrupt,
    start,
    stop,
    setCapacity: (offer: string, room: number) => void capacity.set(offer, room),
    /** The operating system shuts down, as after a job. */
    shutDown(instance: StandInInstance) {
      if (instance.template.shutdownBehaviour === 'terminate')
        terminate(instance, 'Client.InstanceInitiatedShutdown');
      else {
        enter(instance, 'stopping');
        later(instance, stoppingMs, 'stopped');
      }
    },
    close() {
      for (const instance of instances.values()) instance.timer?.();
      for (const cancel of notices) cancel();
      dedicated.close();
    },
  };
}

export function checkTags(tags: ReadonlyMap<string, string>): void {
  checkCount(tags);
  for (const [key, value] of tags) {
    if (key.length === 0 || key.length > 127 || value.length > 255 || key.startsWith('aws:'))
      throw new Ec2Refusal(
        'InvalidParameterValue',
        `The tag '${key}' is not allowed, or its value is too long`,
      );
  }
}

/** Those that EC2 gives itself do not count. */
export function checkCount(tags: ReadonlyMap<string, string>): void {
  const own = [...tags.keys()].filter((key) => !key.startsWith('aws:'));
  if (own.length > tagsMax)
    throw new Ec2Refusal('TagLimitExceeded', `${own.length} tags, ${tagsMax} at most`);
}

function wrongState({ id, state }: StandInInstance, to: string): Ec2Refusal {
  return new Ec2Refusal(
    'IncorrectInstanceState',
    `The instance '${id}' is not in a state from which it can be ${to}: ${state}`,
  );
}
