// Lambda's MicroVMs as far as this system sees them: images and their builds, machines with their states, by the clock
// that is handed in; the account's quota of memory, capacity, the longest life, and the lag of what is told.
//
//   launched → PENDING → RUNNING → TERMINATING → TERMINATED → (a day later) unknown
//                          ↕ SUSPENDING, SUSPENDED

import type { MicrovmImageState, MicrovmState } from '@aws-sdk/client-lambda-microvms';
import type { Cancel, Clock, EpochMs } from '../../../../ports/clock.ts';
import { MicrovmRefusal } from './refusal.ts';

export interface StandInVm {
  readonly id: string;
  readonly image: StandInImage;
  readonly version: string;
  readonly payload: string;
  readonly lifeSeconds: number;
  readonly startedAt: EpochMs;
  state: MicrovmState;
  reason: string | undefined;
  terminatedAt: EpochMs | null;
  timers: Set<Cancel>;
}

export interface StandInImage {
  arn: string;
  name: string;
  version: string;
  memoryMb: number;
  state: MicrovmImageState;
  createdAt: EpochMs;
}

export interface CloudSettings {
  clock: Clock;
  images?: readonly { name: string; version?: string; memoryMb?: number }[];
  /** A launched machine is unknown to every other call for so long. */
  visibleAfterMs?: number;
  /** Machines for which there is room. */
  capacity?: number;
  /** Of the account: counted at four times what machines were launched with. */
  memoryMbMax?: number;
  pendingMs?: number;
  suspendingMs?: number;
  endingMs?: number;
  buildMs?: number;
  /** The `/run` hook: what is not `ok` ends the machine. */
  onRun?: (vm: StandInVm) => Promise<'ok' | 'failed'>;
}

export const arnPrefix = 'arn:aws:lambda:eu-west-1:123456789012:microvm-image:';
/** A machine that has ended is listed for about a day. [observed by others] */
const tombstoneMs = 24 * 3_600_000;
/** "The platform over-provisions every machine to about four times its size." [observed by others] */
const memoryFactor = 4;
const lifeSecondsDefault = 28_800;

export type Cloud = ReturnType<typeof createCloud>;

export function createCloud(settings: CloudSettings) {
  const {
    clock,
    visibleAfterMs = 0,
    pendingMs = 50,
    suspendingMs = 50,
    endingMs = 50,
    buildMs = 50,
  } = settings;
  const vms = new Map<string, StandInVm>();
  const images = new Map<string, StandInImage>();
  const building = new Set<Cancel>();
  let born = 0;
  let capacity = settings.capacity ?? Number.POSITIVE_INFINITY;
  for (const { name, version = '1.0', memoryMb = 2048 } of settings.images ?? [])
    images.set(name, imageOf(name, version, memoryMb, 'CREATED'));

  function imageOf(name: string, version: string, memoryMb: number, state: MicrovmImageState): StandInImage {
    return { arn: `${arnPrefix}${name}`, name, version, memoryMb, state, createdAt: clock.now() };
  }

  function image(identifier: string): StandInImage {
    const found = images.get(identifier.replace(arnPrefix, ''));
    if (!found) throw new MicrovmRefusal('ResourceNotFoundException', `image ${identifier} does not exist`);
    return found;
  }

  /** Its build takes a while, and nothing can be launched from it before. */
  function build(name: string, memoryMb: number): StandInImage {
    if (images.has(name)) throw new MicrovmRefusal('ConflictException', `image ${name} already exists`);
    const made = imageOf(name, '1.0', memoryMb, 'CREATING');
    images.set(name, made);
    building.add(
      clock.after(buildMs, () => {
        made.state = 'CREATED';
      }),
    );
    return made;
  }

  function run(given: {
    image: string;
    version?: string | undefined;
    payload: string;
    lifeSeconds?: number | undefined;
    idleSeconds?: number | undefined;
  }): StandInVm {
    const from = image(given.image);
    if (from.state === 'CREATING' || from.state === 'CREATE_FAILED')
      throw new MicrovmRefusal('ConflictException', `image ${from.name} is ${from.state}`);
    if (given.version !== undefined && given.version !== from.version)
      throw new MicrovmRefusal(
        'ResourceNotFoundException',
        `image ${from.name} has no version ${given.version}`,
      );
    const memory = living().reduce((sum, vm) => sum + vm.image.memoryMb * memoryFactor, 0);
    if (memory + from.memoryMb * memoryFactor > (settings.memoryMbMax ?? Number.POSITIVE_INFINITY))
      throw new MicrovmRefusal(
        'ServiceQuotaExceededException',
        'The base maximum allocated memory limit has been reached for this account.',
      );
    if (living().length >= capacity)
      throw new MicrovmRefusal(
        'InsufficientCapacityException',
        'There is insufficient capacity. Retry later.',
      );
    born += 1;
    const lifeSeconds = given.lifeSeconds ?? lifeSecondsDefault;
    const vm: StandInVm = {
      id: `microvm-${born.toString(16).padStart(17, '0')}`,
      image: from,
      version: from.version,
      payload: given.payload,
      lifeSeconds,
      startedAt: clock.now(),
      state: 'PENDING',
      reason: undefined,
      terminatedAt: null,
      timers: new Set(),
    };
    vms.set(vm.id, vm);
    later(vm, pendingMs, () => start(vm));
    later(vm, lifeSeconds * 1000, () => end(vm, 'Maximum duration reached'));
    // It counts what comes in by the machine's door, and a runner has nothing of that: it is frozen at its work.
    if (given.idleSeconds !== undefined) later(vm, given.idleSeconds * 1000, () => suspend(vm.id));
    return vm;
  }

  function start(vm: StandInVm): void {
    if (vm.state !== 'PENDING') return;
    vm.state = 'RUNNING';
    const answered = settings.onRun?.(vm) ?? Promise.resolve('ok' as const);
    answered.then(
      (answer) => answer === 'failed' && end(vm, 'Run lifecycle hook failed'),
      (error: unknown) => end(vm, `Run lifecycle hook failed: ${String(error)}`),
    );
  }

  /** What machines can be asked about, by its id. */
  function get(id: string): StandInVm {
    const vm = vms.get(id);
    if (!vm || !isVisible(vm))
      throw new MicrovmRefusal('ResourceNotFoundException', `MicroVM ${id} does not exist`);
    return vm;
  }

  function isVisible({ startedAt, terminatedAt }: StandInVm): boolean {
    const now = clock.now();
    return now - startedAt >= visibleAfterMs && (terminatedAt === null || now - terminatedAt < tombstoneMs);
  }

  function suspend(id: string): void {
    const vm = get(id);
    if (vm.state === 'SUSPENDED' || vm.state === 'SUSPENDING') return;
    if (vm.state !== 'RUNNING') throw conflict(vm, 'suspended');
    vm.state = 'SUSPENDING';
    later(vm, suspendingMs, () => {
      if (vm.state === 'SUSPENDING') vm.state = 'SUSPENDED';
    });
  }

  function resume(id: string): void {
    const vm = get(id);
    if (vm.state !== 'SUSPENDED') throw conflict(vm, 'resumed');
    vm.state = 'RUNNING';
  }

  /** Told again, it is no error. */
  function terminate(id: string): void {
    end(get(id), 'Terminated by user');
  }

  function end(vm: StandInVm, reason: string): void {
    if (vm.state === 'TERMINATING' || vm.state === 'TERMINATED') return;
    for (const cancel of vm.timers) cancel();
    vm.timers.clear();
    vm.state = 'TERMINATING';
    vm.reason = reason;
    later(vm, endingMs, () => {
      vm.state = 'TERMINATED';
      vm.terminatedAt = clock.now();
    });
  }

  function later(vm: StandInVm, afterMs: number, what: () => void): void {
    vm.timers.add(clock.after(afterMs, what));
  }

  function living(): StandInVm[] {
    return [...vms.values()].filter(({ state }) => state !== 'TERMINATED');
  }

  return {
    vms,
    image,
    build,
    run,
    get,
    suspend,
    resume,
    terminate,
    /** As a runner's program ends it, or the platform itself. */
    end,
    living,
    visible: () => [...vms.values()].filter(isVisible),
    setCapacity: (machines: number): void => {
      capacity = machines;
    },
    close(): void {
      for (const cancel of building) cancel();
      for (const vm of vms.values()) for (const cancel of vm.timers) cancel();
    },
  };
}

function conflict({ id, state }: StandInVm, wanted: string): MicrovmRefusal {
  return new MicrovmRefusal('ConflictException', `MicroVM ${id} is ${state} and can not be ${wanted}`);
}
