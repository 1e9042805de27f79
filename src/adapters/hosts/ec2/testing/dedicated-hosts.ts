// Dedicated hosts, on which alone macOS runs, one machine at a time. A host is allocated, paid for a day at least, and
// released; whatever machine was on it, it is scrubbed afterwards, and takes no other until then.
//
//   allocated → pending → available ⇄ occupied → (its machine is gone) pending → available → released
//
// [EC2: Amazon EC2 Mac instances; Stop or terminate your Amazon EC2 Mac instance; AllocateHosts; ReleaseHosts]

import type { Cancel, Clock, EpochMs } from '../../../../ports/clock.ts';
import { Ec2Refusal } from './refusal.ts';

export interface StandInDedicatedHost {
  readonly id: string;
  readonly instanceType: string;
  readonly zone: string;
  readonly autoPlacement: boolean;
  readonly tags: Map<string, string>;
  readonly clientToken: string | undefined;
  readonly allocatedAt: EpochMs;
  state: 'pending' | 'available' | 'released' | 'permanent-failure';
  releasedAt: EpochMs | null;
  /** The machine on it. */
  occupant: string | null;
  timer: Cancel | null;
}

export interface DedicatedHostSettings {
  clock: Clock;
  /** Hosts that are there for the taking, by `<type>/<zone>`; what is not listed has plenty. */
  hostCapacity?: Readonly<Record<string, number>>;
  /** Hosts of a type that the account may have. */
  hostLimit?: number;
  /** Until a new one is available. */
  allocatingMs?: number;
  scrubbingMs?: number;
  /** A new host is unknown to DescribeHosts for so long. */
  hostVisibleAfterMs?: number;
}

const minimumMs = 24 * 3_600_000;
/** A released host is listed for some time; EC2 does not say for how long. */
const tombstoneMs = 3_600_000;

export function createDedicatedHosts(settings: DedicatedHostSettings) {
  const { clock, allocatingMs = 20, scrubbingMs = 50, hostVisibleAfterMs = 0 } = settings;
  const hosts = new Map<string, StandInDedicatedHost>();
  const capacity = new Map(Object.entries(settings.hostCapacity ?? {}));

  function allocate(
    given: Pick<StandInDedicatedHost, 'instanceType' | 'zone' | 'autoPlacement' | 'tags' | 'clientToken'>,
  ): StandInDedicatedHost {
    const { instanceType, zone } = given;
    const alike = [...hosts.values()].filter(
      (host) => host.instanceType === instanceType && host.state !== 'released',
    );
    if (alike.length >= (settings.hostLimit ?? Number.POSITIVE_INFINITY)) {
      throw new Ec2Refusal(
        'HostLimitExceeded',
        `The number of Dedicated hosts you've requested (1) would bring your total up to ${alike.length + 1}. ` +
          `This exceeds your current limit of ${settings.hostLimit}.`,
      );
    }
    const room = capacity.get(`${instanceType}/${zone}`) ?? Number.POSITIVE_INFINITY;
    if (room <= 0) {
      throw new Ec2Refusal(
        'InsufficientHostCapacity',
        `Insufficient capacity for ${instanceType} hosts in ${zone}.`,
        500,
      );
    }
    capacity.set(`${instanceType}/${zone}`, room - 1);
    const host: StandInDedicatedHost = {
      ...given,
      id: `h-${(hosts.size + 1).toString(16).padStart(17, '0')}`,
      allocatedAt: clock.now(),
      state: 'pending',
      releasedAt: null,
      occupant: null,
      timer: null,
    };
    hosts.set(host.id, host);
    available(host, allocatingMs);
    return host;
  }

  function available(host: StandInDedicatedHost, afterMs: number): void {
    host.timer?.();
    host.timer = clock.after(afterMs, () => {
      if (host.state === 'pending') host.state = 'available';
    });
  }

  function visible(): StandInDedicatedHost[] {
    const now = clock.now();
    return [...hosts.values()].filter(
      ({ allocatedAt, releasedAt }) =>
        allocatedAt + hostVisibleAfterMs <= now && (releasedAt === null || releasedAt + tombstoneMs > now),
    );
  }

  /** Where a machine goes: onto the host that is named, or any that places by itself. */
  function hostFor(given: { instanceType: string; zone: string; id: string | undefined }) {
    const { instanceType, zone, id } = given;
    if (id === undefined) {
      const free = [...hosts.values()].find(
        (host) =>
          host.autoPlacement && isFree(host) && host.instanceType === instanceType && host.zone === zone,
      );
      if (free) return free;
      throw new Ec2Refusal(
        'InsufficientHostCapacity',
        'You do not have a host with a matching configuration and sufficient capacity.',
        500,
      );
    }
    const host = hosts.get(id);
    if (!host || host.state === 'released')
      throw new Ec2Refusal('InvalidHostID.NotFound', `The Host ID '${id}' does not exist`);
    if (host.instanceType !== instanceType || host.zone !== zone)
      throw new Ec2Refusal('InvalidParameterCombination', `The host ${id} is of another type or zone.`);
    if (!isFree(host)) {
      throw new Ec2Refusal(
        'InsufficientCapacityOnHost',
        `Dedicated host ${id} has insufficient capacity to launch the instances in this request.`,
      );
    }
    return host;
  }

  /** Its machine is gone for good, or stopped. */
  function vacate(machine: string): void {
    for (const host of hosts.values()) {
      if (host.occupant !== machine) continue;
      host.occupant = null;
      host.state = 'pending';
      available(host, scrubbingMs);
    }
  }

  /** `null`: it is released. */
  function release(id: string): { code: string; message: string } | null {
    const host = visible().find((one) => one.id === id);
    if (!host || host.state === 'released')
      return { code: 'Client.InvalidHostID.NotFound', message: `The host '${id}' does not exist` };
    if (host.occupant !== null) {
      const message = `Dedicated host '${id}' cannot be released as it is occupied.`;
      return { code: 'Client.InvalidHost.Occupied', message };
    }
    const from = host.allocatedAt + minimumMs;
    if (clock.now() < from) {
      const message =
        `Unable to release Dedicated Host ${id}. ${host.instanceType} hosts must be allocated to your AWS account for ` +
        `at least 24 hour(s). You can release this host any time after ${new Date(from).toISOString()}.`;
      return { code: 'Client.HostMinAllocationPeriodUnexpired', message };
    }
    if (host.state === 'pending')
      return { code: 'Client.InvalidHost.Occupied', message: `Dedicated host '${id}' is being scrubbed.` };
    host.state = 'released';
    host.releasedAt = clock.now();
    return null;
  }

  return {
    hosts,
    allocate,
    visible,
    hostFor,
    vacate,
    release,
    close() {
      for (const host of hosts.values()) host.timer?.();
    },
  };
}

/** Fleets and other types have no part in this. */
export function needsHost(instanceType: string): boolean {
  return instanceType.startsWith('mac');
}

function isFree({ state, occupant }: StandInDedicatedHost): boolean {
  return state === 'available' && occupant === null;
}
