// What the configuration has to know about each type of host beside the schemas that the host itself brings. The
// table has exactly the registry's keys: a host that is added there is missed here by the compiler.

import type { z } from 'zod';
import { ec2ReuseMs } from '../adapters/hosts/ec2/options.ts';
import { type HostType, hostTypes as registry } from '../adapters/hosts/index.ts';
import { kubernetesHostOptions, kubernetesTraits } from '../adapters/hosts/kubernetes/options.ts';
import { lambdaLife } from '../adapters/hosts/lambda/options.ts';
import { microvmLife } from '../adapters/hosts/microvm/options.ts';
import { simulatedReuseMs } from '../adapters/hosts/simulated/options.ts';
import type { OperatingSystem } from '../core/configuration.ts';

interface HostTypeFacts {
  says: string;
  operatingSystems: readonly OperatingSystem[];
  /** It is one machine, so all of its pools have the same operating system. */
  isOneMachine: boolean;
  /** Its machines can stand by as spares. */
  standby: boolean;
  /** Its machines ask for their registration themselves, at PUBLIC_URL; by a host's options, where those say it. */
  callsBack: boolean | ((options: unknown) => boolean);
  /** Three times the slowest boot in a hundred, unless timing or the pool says otherwise. */
  bootSeconds: number;
  /** Of systems that take another time. */
  bootSecondsBySystem?: Partial<Record<OperatingSystem, number>>;
  /** Launch calls: so many at once, then so many a second. */
  launchBurst: number;
  launchesPerSecond: number;
  /** Its platform ends a machine at this age, whatever it does. */
  life?: {
    seconds: number;
    /** Before that, for a job to be stopped in order. */
    stopSeconds: number;
    /** Types of hosts for jobs that take longer. */
    instead: string;
  };
  /** How long such a machine goes on as a spare after its jobs, if it does at all. */
  reuseMs?: (machine: unknown) => number;
}

export interface HostTypeEntry extends HostTypeFacts {
  options: z.ZodType;
  machine: z.ZodType;
}

export type HostTypes = Readonly<Record<string, HostTypeEntry>>;

const facts: Readonly<Record<HostType, HostTypeFacts>> = {
  local: {
    says: 'Processes on the machine where the orchestrator itself runs.',
    operatingSystems: ['linux', 'macos'],
    isOneMachine: true,
    standby: false,
    callsBack: false,
    // Nothing boots: the runner's own start takes about 20 s on a small machine.
    bootSeconds: 60,
    // Copying GitHub's runner keeps a disk busy; more at once start no sooner.
    launchBurst: 10,
    launchesPerSecond: 10,
  },
  ec2: {
    says: 'Virtual machines of EC2, for jobs that need a machine: Linux, Windows and macOS.',
    operatingSystems: ['linux', 'windows', 'macos'],
    isOneMachine: false,
    standby: true,
    callsBack: true,
    // Linux is up in a minute, and a plain image installs the runner in half a minute more. Windows takes five minutes;
    // macOS up to twenty.
    bootSeconds: 300,
    bootSecondsBySystem: { windows: 900, macos: 3600 },
    // EC2 grants so many launches an account and region: a bucket of five requests that refills with two a second. Two
    // are left in it, so that a call that is made a second after it was granted is not refused.
    launchBurst: 3,
    launchesPerSecond: 2,
    reuseMs: ec2ReuseMs,
  },
  kubernetes: {
    says: 'Pods of a Kubernetes cluster, on EKS or anywhere: for many short jobs. Linux and Windows.',
    operatingSystems: ['linux', 'windows'],
    isOneMachine: false,
    standby: false,
    callsBack: (options) =>
      kubernetesTraits(kubernetesHostOptions.parse(options)).configuration === 'claimed',
    // A pod on a node that is there is up in seconds; where a node has to be made and an image of a gigabyte pulled, in
    // two or three minutes. Windows images are larger: their pools may say more.
    bootSeconds: 300,
    // The API server takes hundreds of small writes a second; two for a launch, and others use it too.
    launchBurst: 100,
    launchesPerSecond: 50,
  },
  lambda: {
    says: 'Functions of Lambda, for many jobs of a few minutes each: Linux, without Docker or root.',
    operatingSystems: ['linux'],
    isOneMachine: false,
    standby: false,
    callsBack: true,
    // A large image that Lambda has not seen for a while takes some ten seconds, the runner's own start ten to twenty.
    bootSeconds: 120,
    // Lambda itself starts a thousand environments in ten seconds; the rest is what the account has left for others.
    launchBurst: 100,
    launchesPerSecond: 50,
    life: { ...lambdaLife, instead: 'microvm (up to 8 hours), kubernetes or ec2' },
  },
  microvm: {
    says: 'MicroVMs of Lambda, for jobs of up to eight hours with Docker and root: Linux on arm64.',
    operatingSystems: ['linux'],
    isOneMachine: false,
    standby: true,
    callsBack: true,
    // From a snapshot to a runner that listens: 25 s, and 45 with fifteen at once.
    bootSeconds: 180,
    // What Lambda grants an account in a region; new ones get less.
    launchBurst: 5,
    launchesPerSecond: 5,
    life: { ...microvmLife, instead: 'kubernetes or ec2' },
  },
  simulated: {
    says: 'Machines that exist only in memory, for tests and demonstrations.',
    operatingSystems: ['linux', 'windows', 'macos'],
    isOneMachine: false,
    standby: true,
    callsBack: true,
    bootSeconds: 180,
    launchBurst: 100,
    launchesPerSecond: 100,
    reuseMs: simulatedReuseMs,
  },
};

export const hostTypes: HostTypes = Object.fromEntries(
  Object.entries(facts).map(([type, fact]) => {
    const { options, machine } = registry[type as HostType];
    return [type, { ...fact, options, machine }];
  }),
);

/** What a type of host takes by default to boot a machine of that system. */
export function usualBootSeconds(
  { bootSeconds, bootSecondsBySystem }: Pick<HostTypeEntry, 'bootSeconds' | 'bootSecondsBySystem'>,
  os: OperatingSystem | undefined,
): number {
  return (os && bootSecondsBySystem?.[os]) ?? bootSeconds;
}
