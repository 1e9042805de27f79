// What the configuration may say about MicroVMs of Lambda as runners. No SDK, no CDK: the configuration loads this.

import { z } from 'zod';
import type { HostTraits } from '../../../ports/host.ts';

/** What a MicroVM has at least, and is paid for; it may use four times as much. [Lambda: MicroVM images, sizing] */
const sizesMb = [512, 1024, 2048, 4096, 8192] as const;
/** A Dockerfile's line stays readable. */
const packagesMax = 50;

/**
 * The platform ends a MicroVM at eight hours, suspended or not. [Lambda: RunMicrovm] The last minutes of that are not
 * for jobs: by them a machine is known again whose launch was never answered (life.ts), and a job is stopped in order.
 */
export const microvmLife = { seconds: 28_800, stopSeconds: 600 } as const;

export const microvmHostOptions = z.strictObject({
  /** Of Lambda's own image `al2023-1`, which pools' images are built on. */
  baseImageVersion: z
    .string()
    .max(32)
    .regex(/^[\w.-]+$/)
    .meta({ allowed: "a version, such as '0'" })
    .default('0'),
  /** A network connector of yours, for machines that have to reach a network of yours. Left out: the internet alone. */
  egressConnector: z
    .string()
    .max(512)
    .regex(/^arn:[\w-]+:lambda:[a-z0-9-]+:\d{12}:network-connector:[\w:/.-]+$/)
    .meta({ allowed: 'the ARN of a network connector for MicroVMs' })
    .optional(),
});

/** `machine` of a pool. */
export const microvmMachine = z.strictObject({
  /**
   * What it is paid for at least: 2 GB come with one processor, and it may use four times both. Fixed by the image, which
   * a deploy builds for the pool.
   */
  memoryMb: z
    .literal(sizesMb)
    .meta({
      allowed: `${sizesMb.slice(0, -1).join(', ')} or ${sizesMb.at(-1)}`,
      remedy:
        'take the next larger one, which may use four times as much; for more a host of type ec2 or kubernetes',
    })
    .default(4096),
  /** There is no other: this key is here to say so. */
  architecture: z
    .string()
    .regex(/^arm64$/)
    .meta({
      allowed: "'arm64': MicroVMs have no other",
      remedy: 'for x64 take a host of another type: ec2, kubernetes or lambda',
    })
    .default('arm64'),
  /** How spares wait. `suspended` costs its snapshot alone. */
  standby: z.enum(['hot', 'suspended']).default('suspended'),
  /** Of Amazon Linux 2023, installed in the image beside what the runner itself needs. */
  packages: z
    .array(
      z
        .string()
        .max(100)
        .regex(/^[A-Za-z0-9][\w.+-]*$/)
        .meta({ allowed: "the name of a package, such as 'gcc-c++'" }),
    )
    .max(packagesMax)
    .default([]),
  /** GitHub's runner in the image. Left out: the newest that this version knows. */
  runner: z
    .strictObject({
      version: z.string().regex(/^\d+\.\d+\.\d+$/),
      /** Of `actions-runner-linux-arm64-<version>.tar.gz`, as its release says. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    })
    .optional(),
});

export type MicrovmMachine = z.output<typeof microvmMachine>;

export function microvmTraits(): HostTraits {
  return {
    configuration: 'claimed',
    standby: true,
    // A machine does not end itself; after its job there is the runner's own clean-up to wait for, and no more.
    endGraceMs: 10_000,
    // "The state field is eventually consistent" [Lambda: GetMicrovm]; by how much is not said.
    listStalenessMs: 60_000,
    // A request that was given up is on its way for no longer than the patience of Lambda's own front.
    callEffectMs: 50_000,
  };
}
