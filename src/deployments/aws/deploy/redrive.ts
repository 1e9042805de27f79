// `make redrive`: what could not be handled is shown, and tried once more.

import { createSnsTopic } from '../../../adapters/topics/aws/index.ts';
import { lasting } from '../../../core/duration.ts';
import type { HostName } from '../../../core/ids.ts';
import { type Notification, notify } from '../../../flow/notification.ts';
import type { Clients } from './clients.ts';
import {
  type DeadLetterLook,
  type DeadLetterQueue,
  lookInto,
  readDeadLetterQueues,
  receive,
} from './dead-letters.ts';
import type { CommandDeps } from './deploy.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { hostsDeployed } from './living.ts';
import { deletePage, moveBack } from './move-back.ts';
import { type DeployedStack, demandOutput, readStacks } from './stacks.ts';

export type QueueClients = Pick<Clients, 'cloudFormation' | 'sns' | 'sqs'>;

export interface RedriveOptions {
  /** A part of a queue's name; `null`: all of them. */
  queue: string | null;
  /** Shows what is there, and moves nothing. */
  dryRun: boolean;
}

export async function redrive(
  { queue: wanted, dryRun }: RedriveOptions,
  given: { clients: QueueClients; deployment: string },
  deps: CommandDeps,
): Promise<ExitStatus> {
  const { output, clock, signal } = deps;
  const { clients, deployment } = given;
  const stacks = await readStacks(clients.cloudFormation, deployment);
  if (stacks.length === 0) {
    output.say(`There is no deployment ${deployment} in this account and region.`);
    return exitStatus.refused;
  }
  const all = await readDeadLetterQueues(clients, stacks);
  const chosen = all.filter((queue) => wanted === null || isNamed(wanted, queue));
  if (chosen.length === 0) {
    output.say(`No queue is named like ${wanted}. There are: ${all.map(({ name }) => name).join(', ')}.`);
    return exitStatus.refused;
  }

  let isWell = true;
  let found = 0;
  for (const queue of chosen) {
    if (signal.aborted) return exitStatus.interrupted;
    const look = await lookInto(clients.sqs, queue);
    if (look.looked === 0 && queue.depth === 0) continue;
    found += 1;
    output.say(describe(queue, look, clock.now()));
    if (dryRun) continue;
    // What was seen may be more than what is counted.
    const depth = Math.max(queue.depth, look.looked);
    const { moved, recounted, failed } = await redriveQueue({ ...queue, depth }, { clients, stacks }, deps);
    const done =
      recounted.length === 0
        ? `${moved} moved back`
        : `told ${recounted.join(', ')} to count again, and removed ${moved} pointers`;
    output.say(`  ${done}${failed === null ? '' : `; then it stopped: ${failed}`}`);
    if (failed !== null) isWell = false;
  }
  if (found === 0) output.say(`No dead letters in ${chosen.length} queues.`);
  else if (dryRun) output.say('Nothing was moved (--dry-run).');
  return isWell ? exitStatus.done : exitStatus.failed;
}

export interface QueueRedriven {
  /** Messages that went back to their queue, or pointers that were removed. */
  moved: number;
  /** Hosts that were told to count again instead. */
  recounted: readonly string[];
  /** Why it stopped before all of them were moved. */
  failed: string | null;
}

/** All dead letters of one queue, once more. */
export async function redriveQueue(
  queue: DeadLetterQueue,
  deployed: { clients: QueueClients; stacks: readonly DeployedStack[] },
  deps: Pick<CommandDeps, 'clock' | 'random'>,
): Promise<QueueRedriven> {
  const { source } = queue;
  if (source === null) return { ...(await recountInstead(queue, deployed, deps)), failed: null };
  const moved = await moveBack(deployed.clients.sqs, { ...queue, source }, deps.clock);
  return { ...moved, recounted: [] };
}

/** `wanted`: a part of its name for people, or its name at AWS. */
export function isNamed(wanted: string, { name, url }: DeadLetterQueue): boolean {
  const part = wanted.toLowerCase();
  return name.toLowerCase().includes(part) || url.toLowerCase().endsWith(`/${part}`);
}

function describe({ name, depth }: DeadLetterQueue, look: DeadLetterLook, now: number): string {
  const kinds = [...look.kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
  const age = look.oldestAt === null ? '' : `, the oldest ${lasting(now - look.oldestAt)} old`;
  const isPart = look.looked < depth ? ` (of ${look.looked} looked at)` : '';
  const count = Math.max(depth, look.looked);
  return `${name}: ${count} ${count === 1 ? 'message' : 'messages'}${age}: ${kinds || 'under way just now'}${isPart}`;
}

/**
 * Records of the stream are kept by the stream, for a day, and what is here only points to them. What they told is
 * still marked as uncounted in the table: so each host counts again, and that is all of it.
 */
async function recountInstead(
  queue: DeadLetterQueue,
  { clients: { sns, sqs }, stacks }: { clients: QueueClients; stacks: readonly DeployedStack[] },
  { clock, random }: Pick<CommandDeps, 'clock' | 'random'>,
): Promise<Pick<QueueRedriven, 'moved' | 'recounted'>> {
  const hosts = hostsDeployed(stacks);
  const topicArn = demandOutput(stacks, 'publisherTopic');
  const topic = createSnsTopic<Notification>({ client: sns, topicArn, fifo: true, clock, random });
  const now = clock.now();
  await topic.publish(
    hosts.map((host) =>
      notify({ host: host as HostName, items: [], recount: true, hops: 0 }, `redrive-${host}-${now}`),
    ),
  );
  let removed = 0;
  for (;;) {
    const page = await receive(sqs, queue.url, removeSeconds);
    if (page.length === 0 || removed >= removedMax) break;
    await deletePage(sqs, queue.url, page);
    removed += page.length;
  }
  return { moved: removed, recounted: hosts };
}

const removeSeconds = 60;
const removedMax = 100_000;
