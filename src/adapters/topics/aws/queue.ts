import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { ulid } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Topic } from '../../../ports/queue.ts';
import { type Outgoing, outgoing, type Target } from './outgoing.ts';
import { sendAll } from './send.ts';

export interface SqsQueueSettings {
  client: SQSClient;
  queueUrl: string;
  fifo: boolean;
  clock: Clock;
  random: Random;
  /** Goes with each message as the attribute `traceparent`, for onlookers. */
  traceparent?: () => string | null;
}

/** Sends to one queue alone, without a topic: the timer's, the Reconciler's steps. */
export function createSqsQueue<Body>(settings: SqsQueueSettings): Topic<Body> {
  const { client, queueUrl, fifo, clock, random, traceparent } = settings;
  const target: Target = { name: `queue ${queueUrl}`, fifo, delays: !fifo };
  const given = { makeId: () => ulid(clock.now(), random), traceparent };

  function call(batch: readonly Outgoing[]) {
    return client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: batch.map(entryOf) }));
  }

  return {
    async publish(messages) {
      const made = messages.map((message) => outgoing(target, message, given));
      await sendAll({ target, clock, random, call }, made);
    },
  };
}

function entryOf({ body, attributes, fifo, delaySeconds }: Outgoing, index: number) {
  return {
    Id: String(index),
    MessageBody: body,
    MessageAttributes: attributes,
    // No delay of its own is the queue's, which has none; FIFO queues refuse the field.
    ...(delaySeconds > 0 ? { DelaySeconds: delaySeconds } : {}),
    ...(fifo ? { MessageGroupId: fifo.group, MessageDeduplicationId: fifo.deduplicationId } : {}),
  };
}
