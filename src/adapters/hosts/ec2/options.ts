// What the configuration may say about EC2 and a machine on it. No SDK, no CDK: the configuration loads this.

import { z } from 'zod';
import type { HostTraits } from '../../../ports/host.ts';

/** What CreateFleet takes in one call is 300 launch specifications: types times zones stay far below. */
const instanceTypesMax = 20;
/** The largest general purpose volume. [EBS: gp3] */
const diskGbMax = 16_384;
/** Longer, and a zone that has room again is passed by; shorter, and each launch asks in vain first. */
const noCapacityMinutesDefault = 5;

/** Longer, and images age: a machine is renewed at least each week. */
const reuseHoursMax = 7 * 24;
/** A dedicated host for macOS is paid for at least 24 hours. [EC2: Amazon EC2 Mac instances] */
const reuseHoursOfMac = 24;
/** Each costs some 16 to 40 dollars a day: beyond that, bring your own. */
const dedicatedHostsLimit = 100;

/** A week: updates of the system are then as old at most. GitHub's own releases come every few weeks beside that. */
const rebuildDaysDefault = 7;
/** GitHub gives jobs to a runner for 30 days after a newer one is out. */
const rebuildDaysMax = 28;
/** The last two stay, in case the newest turns out to be bad. */
const imagesKeptDefault = 3;

export const ec2HostOptions = z.strictObject({
  /** An offer that had no capacity is not asked for again within this. */
  noCapacityMinutes: z.number().min(0.1).max(60).default(noCapacityMinutesDefault),
  /** PEM: the certificate that AWS publishes for identity documents of a region that this version does not know. */
  identityCertificate: z
    .string()
    .max(8192)
    .regex(/^-----BEGIN CERTIFICATE-----[\s\w+/=]+-----END CERTIFICATE-----\s*$/)
    .meta({ allowed: 'a certificate in PEM' })
    .optional(),
  /**
   * Ready images for pools that name none, with the newest runner, Docker and git: EC2 Image Builder makes them anew when
   * GitHub releases a runner, and after so many days. Left out: none are made, and plain ones are used.
   */
  images: z
    .strictObject({
      rebuildDays: z.number().int().min(1).max(rebuildDaysMax).default(rebuildDaysDefault),
      keep: z.number().int().min(1).max(20).default(imagesKeptDefault),
    })
    .optional(),
  /**
   * Machines ship what they print, and their runner's diagnostics, to CloudWatch Logs, kept as long as
   * `aws.logRetentionDays`. For that each has a role that may write there and nothing else, which its job has too.
   */
  shipLogs: z.boolean().default(false),
});

export type Ec2HostOptions = z.output<typeof ec2HostOptions>;

const instanceType = z.string().regex(/^[a-z0-9-]{2,20}\.[a-z0-9-]{2,20}$/);
const checksum = z.string().regex(/^[0-9a-f]{64}$/);

const machine = z.strictObject({
  /** By preference, where `allocation` is `inOrder`. */
  instanceTypes: z.array(instanceType).min(1).max(instanceTypesMax),
  architecture: z.enum(['x64', 'arm64']).default('x64'),
  /** Id of an image, or the name of the Systems Manager parameter that holds one; the newest plain image if left out. */
  image: z
    .string()
    .max(1011)
    .regex(/^(ami-[0-9a-f]{8,17}|\/[\w./-]+)$/)
    .meta({
      allowed: "an image's id, such as 'ami-0123456789abcdef0', or a parameter's name, such as '/ours/image'",
    })
    .optional(),
  /** An interrupted spot machine takes its job with it, so nobody gets one unasked. */
  market: z.enum(['onDemand', 'spot', 'spotThenOnDemand']).default('onDemand'),
  allocation: z.enum(['byPrice', 'byCapacity', 'inOrder']).default('byPrice'),
  diskGb: z.number().int().min(8).max(diskGbMax).default(40),
  /** macOS: its dedicated host is paid for a day at least, so its machine works for one job after another until then. */
  reuseHours: z.number().min(0).max(reuseHoursMax).optional(),
  /** How spares wait. */
  standby: z.enum(['hot', 'stopped', 'hibernated']).default('hot'),
  /** An instance profile of yours, with its role: every job on such a machine has it. None: jobs have no credentials. */
  instanceProfile: z
    .strictObject({
      name: z
        .string()
        .max(128)
        .regex(/^[\w+=,.@-]+$/)
        .meta({ allowed: 'the name of an instance profile' }),
      roleArn: z
        .string()
        .max(256)
        .regex(/^arn:[\w-]+:iam::\d{12}:role\/[\w+=,.@/-]+$/)
        .meta({ allowed: 'the ARN of the role in it' }),
    })
    .optional(),
  /** Where the image expects its disk: Ubuntu, Windows and macOS do here. */
  rootDevice: z
    .string()
    .max(30)
    .regex(/^\/dev\/[a-z0-9]+$/)
    .meta({ allowed: "a device, such as '/dev/xvda'" })
    .default('/dev/sda1'),
  /** For images without a runner: which one is installed. Left out: GitHub's newest, unchecked but for TLS. */
  runner: z.strictObject({ version: z.string().regex(/^\d+\.\d+\.\d+$/), sha256: checksum }).optional(),
  /**
   * macOS: so many dedicated hosts are allocated for this pool when they are wanted, and released when their day is over
   * and none is. 0: none, and its machines run on dedicated hosts of yours.
   */
  dedicatedHostsMax: z.number().int().min(0).max(dedicatedHostsLimit).default(0),
  /** macOS: the host resource group of your dedicated hosts, by its ARN. Left out: any host that places by itself. */
  hostResourceGroup: z
    .string()
    .max(1011)
    .regex(/^arn:[\w-]+:resource-groups:[\w-]+:\d{12}:group\/[\w.-]+$/)
    .meta({ allowed: 'the ARN of a host resource group' })
    .optional(),
});

/** `machine` of a pool. */
export const ec2Machine = machine
  .refine(({ instanceTypes }) => new Set(instanceTypes.map(isMac)).size === 1, {
    path: ['instanceTypes'],
    error: 'types of macOS (mac…) and others can not be mixed in a pool',
  })
  .refine(({ market, instanceTypes }) => market === 'onDemand' || !instanceTypes.some(isMac), {
    path: ['market'],
    error: "macOS has no spot machines: take 'onDemand'",
  })
  .refine(({ reuseHours, instanceTypes }) => !reuseHours || instanceTypes.some(isMac), {
    path: ['reuseHours'],
    error: 'only machines of macOS work for several jobs, since their hosts are paid for a day: leave it out',
  })
  .refine(({ dedicatedHostsMax, instanceTypes }) => dedicatedHostsMax === 0 || instanceTypes.some(isMac), {
    path: ['dedicatedHostsMax'],
    error: 'only machines of macOS need dedicated hosts here: leave it out',
  })
  .refine(({ dedicatedHostsMax, hostResourceGroup }) => dedicatedHostsMax === 0 || !hostResourceGroup, {
    path: ['dedicatedHostsMax'],
    error: 'a host resource group brings hosts of its own: give one of the two',
  })
  .refine(({ standby, instanceTypes }) => standby === 'hot' || !instanceTypes.some(isMac), {
    path: ['standby'],
    error: "a Mac that is stopped is scrubbed, which takes hours, and its host is paid for: take 'hot'",
  })
  .refine(({ market, standby }) => market === 'onDemand' || standby === 'hot', {
    path: ['standby'],
    error: "a spot machine can not be stopped and started again: take 'hot', or the market 'onDemand'",
  });

export type Ec2Machine = z.output<typeof ec2Machine>;

/** How long a machine works for one runner after another; 0: for one alone. */
export function ec2ReuseMs(settings: unknown): number {
  const { reuseHours, instanceTypes } = ec2Machine.parse(settings);
  return (reuseHours ?? (instanceTypes.some(isMac) ? reuseHoursOfMac : 0)) * 3_600_000;
}

export function ec2Traits(): HostTraits {
  return {
    configuration: 'claimed',
    standby: true,
    // The runner's own clean-up, the milestone, and the shutdown of an operating system that has nothing left to do.
    endGraceMs: 45_000,
    // EC2 is eventually consistent; what it says of an instance may be some seconds old, seldom half a minute.
    listStalenessMs: 45_000,
    // A request that was given up is on its way for no longer than the patience of EC2's own front.
    callEffectMs: 50_000,
  };
}

/** Only macOS runs on these, and it runs on no others. */
export function isMac(instanceType: string): boolean {
  return instanceType.startsWith('mac');
}
