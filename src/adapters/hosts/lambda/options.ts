// What the configuration may say about functions of Lambda as runners. No SDK, no CDK: the configuration loads this.

import { z } from 'zod';
import type { HostTraits } from '../../../ports/host.ts';
import { lastEffectMs, timeoutSeconds } from './hard-end.ts';

/** [Lambda: tenant isolation: environments, in use or idle, for each unit of a function's concurrency] */
const reservedPerRunnerMax = 10;

export const lambdaHostOptions = z.strictObject({
  /**
   * Each runner has an execution environment that no other runner had or gets (Lambda's tenant isolation; the runner's
   * name is the tenant). Without it Lambda uses environments again: then all jobs of a pool have to trust each other.
   * Not to be changed for a function that is there: it is made anew.
   */
  freshEnvironments: z.boolean().default(true),
  /**
   * Of the account's concurrency, a pool's function has so many times the pool's limit to itself. 1: Lambda itself never
   * runs more than the limit. More: for a pool that runs short jobs without a pause, since an environment that is not
   * used again stays for some minutes, and Lambda keeps two and a half for each unit. 0: none is reserved.
   */
  reservedPerRunner: z.int().min(0).max(reservedPerRunnerMax).default(1),
});

export type LambdaHostOptions = z.output<typeof lambdaHostOptions>;

/** The listener of GitHub's runner, its worker and Node take some 300 MB before a job does anything. */
const memoryMbMin = 512;
/** [Lambda: quotas; one core of a processor for each 1,769 MB] */
const memoryMbMax = 10_240;
/** The runner is copied to /tmp, and the job's files are there. */
const storageMbMin = 1_024;
const storageMbMax = 10_240;

/** `machine` of a pool. */
export const lambdaMachine = z.strictObject({
  memoryMb: z.int().min(memoryMbMin).max(memoryMbMax).default(4_096),
  /** Of /tmp, which is all that can be written to. */
  ephemeralStorageMb: z.int().min(storageMbMin).max(storageMbMax).default(storageMbMax),
  architecture: z.enum(['x64', 'arm64']).default('x64'),
  /**
   * In ECR, in the region of the deployment, of the same architecture. Left out: the one of this system, which a deploy
   * builds (with Docker).
   */
  image: z
    .string()
    .max(1_000)
    .regex(
      /^\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?\/[a-z0-9._/-]+(?::[\w.-]{1,128}|@sha256:[0-9a-f]{64})$/,
    )
    .meta({
      allowed:
        "an image in ECR with its tag or digest, such as '123456789012.dkr.ecr.eu-west-1.amazonaws.com/ours/runner:1'",
    })
    .optional(),
  /** Of GitHub's runner in the image that a deploy builds: the newest at that time, if left out. */
  runnerVersion: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/)
    .meta({ allowed: "a version, such as '2.336.0'" })
    .optional(),
  /** There is no other choice: this key is here to say so. */
  containers: z
    .string()
    .regex(/^none$/)
    .meta({
      allowed: "'none': a function has no Docker, and can have none",
      remedy:
        "for jobs with containers take a host of another type: kubernetes (containers: 'docker'), ec2 or microvm",
    })
    .default('none'),
});

export type LambdaMachine = z.output<typeof lambdaMachine>;

export function lambdaTraits(): HostTraits {
  return {
    configuration: 'claimed',
    // An invocation is one job; what does not run is nothing that could be kept ready.
    standby: false,
    // The runner's own clean-up, ours, and the destination's way through EventBridge. Nothing but that word, or the hard
    // end, frees the place.
    endGraceMs: 45_000,
    // Nothing is listed. What is absent was never answered for, and proves nothing before its last possible effect.
    listStalenessMs: 0,
    callEffectMs: lastEffectMs,
  };
}

/** Of one invocation: a job is stopped in order before its platform does it without a word. */
export const lambdaLife = {
  seconds: timeoutSeconds,
  // To cancel the job, to end its processes (the runner gives them some ten seconds), to send the log.
  stopSeconds: 60,
};
