// What messages hold, read from what came: parsed, bounded, then trusted. What a schema gives is exactly the flow's
// type; a member that is added there is missed here by the compiler. Fields that are not known are left out: while a
// new version is rolled out, the old one reads messages of the new.

import { z } from 'zod';
import {
  type HostName,
  isHostName,
  isPoolName,
  type JobKey,
  type LaneKey,
  type PoolName,
  parseJobKey,
  parseRunnerName,
  type RunnerName,
} from '../../core/ids.ts';
import type { AskPurpose } from '../../core/job.ts';
import type { Order } from '../../core/order.ts';
import type { Runner } from '../../core/runner.ts';
import type { Wake } from '../../flow/messenger/handler.ts';
import { itemsPerNotification, type Notification } from '../../flow/notification.ts';
import type { Step } from '../../flow/reconciler/message.ts';
import type { ItemKey, Sweep } from '../../ports/jobs-table.ts';

export const parseNotification = (value: unknown): Notification => notification.parse(value);
export const parseWake = (value: unknown): Wake => wake.parse(value);
export const parseStep = (value: unknown): Step => step.parse(value);
export const parseOrder = (value: unknown): Order => order.parse(value);

/** GitHub's names of a repository's owner and of a repository have 39 and 100 letters, a host's name 253. */
const subjectLengthMax = 512;
/** Pool, scope and runner group; GitHub's names of groups have 100 letters and more. */
const laneLengthMax = 1_024;
/** The Publisher stops itself after a few. */
const hopsMax = 1_000;

const hostName = z.custom<HostName>((value) => typeof value === 'string' && isHostName(value), 'no host');
const poolName = z.custom<PoolName>((value) => typeof value === 'string' && isPoolName(value), 'no pool');
const jobKey = z.custom<JobKey>(
  (value) => typeof value === 'string' && parseJobKey(value) !== null,
  'no key of a job',
);
const runnerName = z.custom<RunnerName>(
  (value) => typeof value === 'string' && parseRunnerName(value) !== null,
  "no runner's name",
);
const laneKey = z.custom<LaneKey>(
  (value) => typeof value === 'string' && value.length > 0 && value.length <= laneLengthMax,
  'no key of a lane',
);
const os = z.enum(['linux', 'windows', 'macos']);
const epochMs = z.number().min(0).max(Number.MAX_SAFE_INTEGER);

const itemKey = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), key: jobKey, lane: laneKey.optional(), runner: runnerName.optional() }),
  z.object({ kind: z.literal('runner'), name: runnerName }),
  z.object({ kind: z.literal('control'), pool: poolName }),
]);

const notification = z.object({
  host: hostName,
  items: z.array(itemKey).max(itemsPerNotification).readonly(),
  recount: z.boolean(),
  hops: z.number().int().min(0).max(hopsMax),
});

const wake = z.object({ host: hostName, at: epochMs });

/** What the Publisher has just written, and nobody else may send: held against the table's version before it is used. */
const orderedRunner = z.custom<Runner>(
  (value) =>
    z.object({ name: runnerName, version: z.literal(1), state: z.literal('ordered') }).safeParse(value)
      .success,
  'no runner that was just ordered',
);

const purpose = z.enum(['secondOrder', 'idleRunner', 'overtaken', 'orphan', 'lookup']);

const order = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('launch'),
    host: hostName,
    os,
    runner: runnerName,
    launchBefore: epochMs,
    known: orderedRunner.optional(),
  }),
  z.object({ status: z.literal('standBy'), host: hostName, os, runner: runnerName }),
  z.object({ status: z.literal('terminate'), host: hostName, os, runner: runnerName }),
  z.object({ status: z.literal('ask'), host: hostName, os, job: jobKey, purpose }),
]);

const sweepKind = z.enum([
  'runnerList',
  'hostList',
  'deliveries',
  'queuedJobs',
  'repositories',
  'recount',
  'reroute',
  'hookAddresses',
]);

const at = z.number().optional();

const step = z.discriminatedUnion('step', [
  z.object({ step: z.literal('runnersDue'), host: hostName, at }),
  z.object({ step: z.literal('jobsDue'), at }),
  z.object({ step: z.literal('uncounted'), host: hostName, at }),
  z.object({ step: z.literal('wake'), host: hostName, at }),
  z.object({ step: z.literal('measure'), host: hostName, at }),
  z.object({ step: z.literal('purge'), at }),
  z.object({ step: z.literal('sweep'), kind: sweepKind, subject: z.string().max(subjectLengthMax), at }),
  z.object({ step: z.literal('ask'), job: jobKey, purpose }),
]);

/** Each type can stand for the other, or this does not compile. */
type Same<Read, Meant> = [Read] extends [Meant] ? ([Meant] extends [Read] ? true : false) : false;
type All<Checks extends readonly true[]> = Checks;

export type MessagesAreRead = All<
  [
    Same<z.output<typeof notification>, Notification>,
    Same<z.output<typeof itemKey>, ItemKey>,
    Same<z.output<typeof wake>, Wake>,
    Same<z.output<typeof order>, Order>,
    Same<z.output<typeof purpose>, AskPurpose>,
    Same<z.output<typeof step>, Step>,
    Same<z.output<typeof sweepKind>, Sweep['kind']>,
  ]
>;
