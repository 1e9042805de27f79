// Runs a queue against a function the way Lambda's mapping does: receives when a call is free, hands over an event,
// deletes what the answer does not name as failed. For where there is no Lambda: tests, and an emulator.
//
// SQS itself does the rest: it holds back a FIFO group that is in hand, brings back what was not deleted when the
// visibility time is over, and moves what was received too often to the dead letters. A call that has not answered by
// the visibility time is given up, as Lambda stops its function long before; its late answer counts for nothing.

import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { z } from 'zod';
import type { Clock, Random } from '../../../ports/clock.ts';

export interface PollerSettings {
  client: SQSClient;
  queueUrl: string;
  /** Messages of one call, 10 at most: what one receive gives. */
  batchSizeMax: number;
  /** Calls at one time. */
  concurrency: number;
  /** The function: gets Lambda's event, gives Lambda's answer. */
  invoke(event: unknown): Promise<unknown>;
  clock: Clock;
  random: Random;
  onError(error: unknown): void;
}

export interface Poller {
  /** Receives once, without a wait, and begins to handle what came: its number. 0 also where no call is free. */
  receive(): Promise<number>;
  /** Receives, waiting for messages, until it is stopped. */
  start(): void;
  /** Receives no more; resolves when no call is at work. */
  stop(): Promise<void>;
}

/** SQS's longest wait for a message. */
const waitSecondsMax = 20;
const messagesPerReceiveMax = 10;

/** After a receive that failed: doubling between these. */
const failureWaitMsMin = 1_000;
const failureWaitMsMax = 30_000;

const queueAttributes = z.object({
  QueueArn: z.string(),
  VisibilityTimeout: z.coerce.number().int().min(0),
});

const answer = z
  .object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string() })).nullish() })
  .nullish();

export async function createPoller(settings: PollerSettings): Promise<Poller> {
  const { client, queueUrl, batchSizeMax, concurrency, clock, onError } = settings;
  checkSettings(settings);
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['QueueArn', 'VisibilityTimeout'] }),
  );
  const { QueueArn: queueArn, VisibilityTimeout: visibilitySeconds } = queueAttributes.parse(Attributes);
  const stopping = new AbortController();
  let callsAtWork = 0;
  let onceFreed: (() => void)[] = [];

  function isFree(): boolean {
    return callsAtWork < concurrency && !stopping.signal.aborted;
  }

  async function receiveOnce(waitSeconds: number): Promise<number> {
    // Its place is taken before the messages are there, so that two receives never take one place.
    callsAtWork += 1;
    let messages: Message[] = [];
    try {
      const received = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: batchSizeMax,
          WaitTimeSeconds: waitSeconds,
          MessageSystemAttributeNames: ['All'],
          MessageAttributeNames: ['All'],
        }),
        { abortSignal: stopping.signal },
      );
      messages = received.Messages ?? [];
    } finally {
      if (messages.length === 0) freed();
    }
    if (messages.length > 0) handle(messages);
    return messages.length;
  }

  function freed(): void {
    callsAtWork -= 1;
    const waiting = onceFreed;
    onceFreed = [];
    for (const resolve of waiting) resolve();
  }

  /** The call's place is free when it has answered, or at the visibility time. */
  function handle(messages: readonly Message[]): void {
    let isOver = false;
    const end = (): void => {
      if (!isOver) freed();
      isOver = true;
      cancel();
    };
    const cancel = clock.after(visibilitySeconds * 1_000, () => {
      if (isOver) return;
      onError(new Error(`queue ${queueUrl}: a call has not answered within ${visibilitySeconds} s`));
      end();
    });
    const call = async (): Promise<void> => {
      const answered = await settings.invoke({ Records: messages.map((one) => recordOf(one, queueArn)) });
      if (!isOver) await remove(messages, failuresOf(messages, answered));
    };
    call().catch(onError).finally(end);
  }

  async function remove(messages: readonly Message[], failed: ReadonlySet<string>): Promise<void> {
    const done = messages.filter(({ MessageId = '' }) => !failed.has(MessageId));
    if (done.length === 0) return;
    const { Failed = [] } = await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
    for (const { Id, Code } of Failed) {
      const id = done[Number(Id)]?.MessageId;
      onError(
        new Error(`queue ${queueUrl}: message ${id} was handled, not deleted (${Code}), and may come again`),
      );
    }
  }

  async function run(): Promise<void> {
    let failuresInRow = 0;
    while (!stopping.signal.aborted) {
      if (!isFree()) {
        await new Promise<void>((resolve) => onceFreed.push(resolve));
        continue;
      }
      try {
        await receiveOnce(waitSecondsMax);
        failuresInRow = 0;
      } catch (error) {
        if (stopping.signal.aborted) return;
        onError(error);
        failuresInRow += 1;
        const waitMs = Math.min(failureWaitMsMin * 2 ** failuresInRow, failureWaitMsMax);
        await clock.sleep(waitMs * settings.random());
      }
    }
  }

  return {
    receive: () => (isFree() ? receiveOnce(0) : Promise.resolve(0)),
    start() {
      run().catch(onError);
    },
    async stop() {
      stopping.abort();
      while (callsAtWork > 0) await new Promise<void>((resolve) => onceFreed.push(resolve));
    },
  };
}

/** A record of Lambda's event. */
function recordOf(message: Message, queueArn: string) {
  const { MessageId, ReceiptHandle, Body, Attributes = {}, MessageAttributes = {}, MD5OfBody } = message;
  return {
    messageId: MessageId,
    receiptHandle: ReceiptHandle,
    body: Body,
    attributes: Attributes,
    messageAttributes: Object.fromEntries(
      Object.entries(MessageAttributes).map(([name, { DataType, StringValue }]) => [
        name,
        { dataType: DataType, stringValue: StringValue },
      ]),
    ),
    md5OfBody: MD5OfBody,
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: queueArn.split(':')[3],
  };
}

/**
 * Who comes back. As with Lambda: an empty answer is a success, one that names what is not in the batch fails it all.
 * [AWS: Handling errors for an SQS event source in Lambda]
 */
function failuresOf(messages: readonly Message[], answered: unknown): ReadonlySet<string> {
  const failures = answer.parse(answered)?.batchItemFailures ?? [];
  const known = new Set(messages.map(({ MessageId }) => MessageId));
  const failed = new Set(failures.map(({ itemIdentifier }) => itemIdentifier));
  for (const id of failed) {
    if (!known.has(id))
      throw new Error(`the answer names message ${JSON.stringify(id)}, which is not in the batch`);
  }
  return failed;
}

function checkSettings({ queueUrl, batchSizeMax, concurrency }: PollerSettings): void {
  if (!(Number.isInteger(batchSizeMax) && batchSizeMax >= 1 && batchSizeMax <= messagesPerReceiveMax)) {
    throw new RangeError(
      `queue ${queueUrl}: batchSizeMax is ${batchSizeMax}; allowed is a whole number from 1 to ${messagesPerReceiveMax}`,
    );
  }
  if (!(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new RangeError(
      `queue ${queueUrl}: concurrency is ${concurrency}; allowed is a whole number from 1`,
    );
  }
}
