// Messages that their functions could not handle, however often they tried: which queues have some, since when, and of
// what kind. A look takes messages for seconds and gives them back; it changes nothing but their count of receives,
// which nobody reads.

import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { readable } from '../../../core/reason.ts';
import type { EpochMs } from '../../../ports/clock.ts';
import type { Clients } from './clients.ts';
import { type DeployedStack, outputOf, readResources } from './stacks.ts';

export interface DeadLetterQueue {
  /** For people, and for `QUEUE=`: `pipeline/Publisher`. */
  name: string;
  url: string;
  arn: string;
  isFifo: boolean;
  /** The queue that they came from; `null` for records of the table's stream, which are pointers. */
  source: { url: string; arn: string } | null;
  /** About so many: SQS counts by and by. */
  depth: number;
}

interface QueueSeen extends Omit<DeadLetterQueue, 'source'> {
  deadLettersArn: string | null;
}

export async function readDeadLetterQueues(
  { cloudFormation, sqs }: Pick<Clients, 'cloudFormation' | 'sqs'>,
  stacks: readonly DeployedStack[],
): Promise<DeadLetterQueue[]> {
  const resources = await Promise.all(
    stacks.map(async ({ name, id }) => {
      const all = await readResources(cloudFormation, id);
      return all.map(({ logicalId, ...rest }) => ({ name: nameOf(name, logicalId), ...rest }));
    }),
  );
  const queues = await Promise.all(
    resources
      .flat()
      .filter(({ type }) => type === 'AWS::SQS::Queue')
      .map(({ name, physicalId }) => readQueue(sqs, name, physicalId)),
  );
  const failuresUrl = outputOf(stacks, 'streamFailures');
  return queues
    .flatMap(({ deadLettersArn: _, ...queue }): DeadLetterQueue[] => {
      const source = queues.find(({ deadLettersArn }) => deadLettersArn === queue.arn);
      if (source) return [{ ...queue, source: { url: source.url, arn: source.arn } }];
      return queue.url === failuresUrl ? [{ ...queue, source: null }] : [];
    })
    .sort((a, b) => a.name.localeCompare(b.name));
}

async function readQueue(sqs: SQSClient, name: string, url: string): Promise<QueueSeen> {
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['QueueArn', 'ApproximateNumberOfMessages', 'FifoQueue', 'RedrivePolicy'],
    }),
  );
  const policy: unknown = JSON.parse(Attributes['RedrivePolicy'] || '{}');
  const target =
    typeof policy === 'object' && policy !== null && 'deadLetterTargetArn' in policy
      ? String(policy.deadLetterTargetArn)
      : null;
  return {
    name,
    url,
    arn: Attributes['QueueArn'] ?? '',
    isFifo: Attributes['FifoQueue'] === 'true',
    depth: Number(Attributes['ApproximateNumberOfMessages'] ?? 0),
    deadLettersArn: target,
  };
}

/** The stack's part without the deployment, then what people wrote: the CDK puts eight digits of a hash behind it. */
function nameOf(stackName: string, logicalId: string): string {
  const part = stackName.slice(stackName.lastIndexOf('-') + 1);
  return `${part}/${logicalId.replace(/[0-9A-F]{8}$/, '').replace(/DeadLetters$/, '')}`;
}

// ---- What is in them

export interface DeadLetterLook {
  /** By kind, how many of those that were looked at. */
  kinds: ReadonlyMap<string, number>;
  looked: number;
  /** Since when the oldest of them has been on its way. */
  oldestAt: EpochMs | null;
}

/** Enough to know what is wrong; a queue with more has more of the same. */
const looksMax = 3;
const perReceive = 10;
/** Long enough for a page to be given back, short where that fails. */
const lookSeconds = 20;

export async function lookInto(sqs: SQSClient, { url }: DeadLetterQueue): Promise<DeadLetterLook> {
  const seen: Message[] = [];
  for (let look = 0; look < looksMax; look += 1) {
    const page = await receive(sqs, url, lookSeconds);
    seen.push(...page);
    if (page.length === 0) break;
  }
  await giveBack(sqs, url, seen);
  const kinds = new Map<string, number>();
  for (const { Body } of seen) {
    const kind = kindOf(Body ?? '');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  const times = seen.map(({ Attributes }) => Number(Attributes?.SentTimestamp)).filter((at) => at > 0);
  return { kinds, looked: seen.length, oldestAt: times.length === 0 ? null : Math.min(...times) };
}

export async function receive(sqs: SQSClient, url: string, visibilitySeconds: number): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: url,
      MaxNumberOfMessages: perReceive,
      VisibilityTimeout: visibilitySeconds,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages;
}

async function giveBack(sqs: SQSClient, url: string, messages: readonly Message[]): Promise<void> {
  for (let at = 0; at < messages.length; at += perReceive) {
    const Entries = messages.slice(at, at + perReceive).map(({ ReceiptHandle }, index) => ({
      Id: String(index),
      ReceiptHandle,
      VisibilityTimeout: 0,
    }));
    await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries }));
  }
}

/**
 * What kind of message it is, and for which host. Our bodies hold no secret, yet what is here may be anything: so
 * nothing of it is shown but words that are looked for.
 */
export function kindOf(text: string): string {
  const body = parsed(text);
  if (body === null) return `no JSON, ${Buffer.byteLength(text)} bytes`;
  const host = typeof body['host'] === 'string' ? ` for host ${readable(body['host']).slice(0, 40)}` : '';
  const { status, step } = body;
  if (status === 'standBy') return `order to stand by${host}`;
  if (status === 'launch' || status === 'terminate' || status === 'ask') return `order to ${status}${host}`;
  if (typeof step === 'string' && /^\w{1,30}$/.test(step)) return `the Reconciler's step ${step}${host}`;
  if ('DDBStreamBatchInfo' in body) return "records of the table's stream";
  if ('items' in body || 'recount' in body) return `notification${host}`;
  if ('at' in body) return `timer${host}`;
  return `unknown, ${Buffer.byteLength(text)} bytes`;
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
