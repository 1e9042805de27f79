// What the configuration may say about a local host and a runner on it.

import { isAbsolute } from 'node:path';
import { z } from 'zod';

const kibibyte = 1024;
const mebibyte = 1024 * kibibyte;
const gibibyte = 1024 * mebibyte;

/** Less than this holds no error's story, more fills a disk. */
const logBytesLeast = 64 * kibibyte;
const logBytesMost = gibibyte;

/** Names that the host gives to a runner itself; see environment.ts. */
export const givenNames = [
  'HOME',
  'LANG',
  'LOGNAME',
  'TMPDIR',
  'USER',
  'ACTIONS_RUNNER_INPUT_JITCONFIG',
  'RUNNER_ALLOW_RUNASROOT',
  'RUNNER_LABELS',
  'RUNNER_MANUALLY_TRAP_SIG',
  'RUNNER_NAME',
  'RUNNER_POOL',
  'RUNNER_TRACKING',
  'RUNNER_WORK_DIR',
  'TRACEPARENT',
] as const;

const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'a variable has letters, digits and _, and no digit first')
  .refine((name) => !givenNames.some((given) => given === name), {
    error: ({ input }) => `${String(input)} is set by the host itself: take another name`,
  });

const absolutePath = z
  .string()
  .max(1024)
  .refine((path) => isAbsolute(path), { message: 'give an absolute path, from / on' });

export const localHostOptions = z.strictObject({
  /** From the polite signal to the one that nothing survives. */
  endGraceMs: z.number().int().min(0).max(600_000).default(10_000),
  /** Logs of ended runners: the oldest are deleted beyond this number and this size. */
  logFilesMax: z.number().int().min(1).max(100_000).default(1000),
  logBytesTotalMax: z.number().int().min(mebibyte).default(gibibyte),
});

export type LocalHostOptions = z.output<typeof localHostOptions>;

/** `machine` of a pool. */
export const localMachine = z
  .strictObject({
    /** Program and arguments; no shell reads it. Without one it is `./run.sh` of the directory. */
    command: z.array(z.string().min(1).max(4096)).min(1).max(100).optional(),
    /** GitHub's runner, unpacked: copied for each runner, which starts in its copy. */
    directory: absolutePath.optional(),
    /** Whose rights the runner has; the orchestrator must be root to hand them over. Without one: its own. */
    user: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, 'a name as `id -u` takes it, such as `runner`')
      .optional(),
    /** More variables for the runner and its jobs. */
    environment: z.record(variableName, z.string().max(32_768)).default({}),
    /** A longer log loses its middle. */
    logBytesMax: z
      .number()
      .int()
      .min(logBytesLeast)
      .max(logBytesMost)
      .default(16 * mebibyte),
  })
  .refine((machine) => machine.command !== undefined || machine.directory !== undefined, {
    message: "give `directory` (GitHub's runner, unpacked), `command`, or both",
  });

export type LocalMachineOptions = z.output<typeof localMachine>;
