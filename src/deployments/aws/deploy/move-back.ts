// Dead letters go back to the queue that they came from: by SQS itself, or, where it can not, by hand: sent, then
// deleted. A message may so come twice, which every handler takes.

import {
  DeleteMessageBatchCommand,
  ListMessageMoveTasksCommand,
  type Message,
  SendMessageBatchCommand,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import type { Clock } from '../../../ports/clock.ts';
import { type DeadLetterQueue, receive } from './dead-letters.ts';

export interface Moved {
  moved: number;
  /** Not every one; the rest is where it was. */
  failed: string | null;
}

/** SQS moves some hundreds a second; what takes longer goes on by itself. */
const taskMsMax = 10 * 60_000;
const betweenLooksMs = 2_000;

/** In which a page is sent and deleted, with all tries; then it shows again where it was. */
const pageSeconds = 60;

/** A queue that is filled while it is emptied would never be empty. */
const pagesMax = 10_000;

export async function moveBack(
  sqs: SQSClient,
  queue: DeadLetterQueue & { source: { url: string } },
  clock: Clock,
): Promise<Moved> {
  try {
    const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: queue.arn }));
    return await taskEnded(sqs, queue, TaskHandle ?? '', clock);
  } catch (error) {
    if (!(error instanceof Error && unsupported.test(error.name))) throw error;
    return byHand(sqs, queue);
  }
}

/** Of emulators, and of queues for which SQS has no such task. */
const unsupported = /^(?:InvalidAction|UnsupportedOperation|AWS\.SimpleQueueService\.UnsupportedOperation)$/;

async function taskEnded(
  sqs: SQSClient,
  { arn, depth }: DeadLetterQueue,
  handle: string,
  clock: Clock,
): Promise<Moved> {
  const until = clock.now() + taskMsMax;
  for (;;) {
    const { Results = [] } = await sqs.send(
      new ListMessageMoveTasksCommand({ SourceArn: arn, MaxResults: 1 }),
    );
    // Only a task that runs is listed with its handle; the newest one comes first.
    const [task] = Results;
    const moved = task?.ApproximateNumberOfMessagesMoved ?? 0;
    if (task?.Status === 'FAILED') return { moved, failed: task.FailureReason ?? 'SQS does not say why' };
    if (task && task.Status !== 'RUNNING') return { moved, failed: null };
    if (clock.now() >= until) {
      return {
        moved,
        failed: `${depth - moved} are still to be moved; SQS goes on by itself (task ${handle})`,
      };
    }
    await clock.sleep(betweenLooksMs);
  }
}

async function byHand(
  sqs: SQSClient,
  { url, isFifo, source, depth }: DeadLetterQueue & { source: { url: string } },
): Promise<Moved> {
  let moved = 0;
  for (let page = 0; page < pagesMax && moved < Math.max(depth, 1); page += 1) {
    const messages = await receive(sqs, url, pageSeconds);
    if (messages.length === 0) return { moved, failed: null };
    const sent = await sendPage(sqs, source.url, messages, isFifo);
    await deletePage(sqs, url, sent.well);
    moved += sent.well.length;
    if (sent.failed !== null) return { moved, failed: sent.failed };
  }
  return { moved, failed: null };
}

async function sendPage(sqs: SQSClient, url: string, messages: readonly Message[], isFifo: boolean) {
  const { Failed = [] } = await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: url,
      Entries: messages.map((message, index) => ({
        Id: String(index),
        MessageBody: message.Body,
        MessageAttributes: message.MessageAttributes,
        ...(isFifo && {
          MessageGroupId: message.Attributes?.MessageGroupId,
          // Not its own one, which the queue may remember; the same for a page that is sent once more.
          MessageDeduplicationId: `redrive-${message.MessageId}`,
        }),
      })),
    }),
  );
  const failedIds = new Set(Failed.map(({ Id }) => Id));
  return {
    well: messages.filter((_, index) => !failedIds.has(String(index))),
    failed: Failed[0] ? `${Failed[0].Code}: ${Failed[0].Message}` : null,
  };
}

export async function deletePage(sqs: SQSClient, url: string, messages: readonly Message[]): Promise<void> {
  if (messages.length === 0) return;
  const { Failed = [] } = await sqs.send(
    new DeleteMessageBatchCommand({
      QueueUrl: url,
      Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
    }),
  );
  // It shows again in a minute, and is moved a second time by the next run.
  if (Failed[0])
    throw new Error(`SQS did not delete ${Failed.length} of ${messages.length} messages: ${Failed[0].Code}`);
}
