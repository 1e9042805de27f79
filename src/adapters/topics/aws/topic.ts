import { PublishBatchCommand, type SNSClient } from '@aws-sdk/client-sns';
import { ulid } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Topic } from '../../../ports/queue.ts';
import { type Outgoing, outgoing, type Target } from './outgoing.ts';
import { sendAll } from './send.ts';

export interface SnsTopicSettings {
  client: SNSClient;
  topicArn: string;
  fifo: boolean;
  clock: Clock;
  random: Random;
  /** Goes with each message as the attribute `traceparent`, for onlookers. */
  traceparent?: () => string | null;
}

export function createSnsTopic<Body>(settings: SnsTopicSettings): Topic<Body> {
  const { client, topicArn, fifo, clock, random, traceparent } = settings;
  const target: Target = { name: `topic ${topicArn}`, fifo, delays: false };
  const given = { makeId: () => ulid(clock.now(), random), traceparent };

  function call(batch: readonly Outgoing[]) {
    return client.send(
      new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: batch.map(entryOf) }),
    );
  }

  return {
    async publish(messages) {
      const made = messages.map((message) => outgoing(target, message, given));
      await sendAll({ target, clock, random, call }, made);
    },
  };
}

function entryOf({ body, attributes, fifo }: Outgoing, index: number) {
  return {
    Id: String(index),
    Message: body,
    MessageAttributes: attributes,
    ...(fifo ? { MessageGroupId: fifo.group, MessageDeduplicationId: fifo.deduplicationId } : {}),
  };
}
