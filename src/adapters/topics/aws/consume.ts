// A queue's batch in a function: the mapping has received it, hands it over as an event, and deletes what the answer
// does not name as failed.
//
// `done` is left out of the answer. `retry` gets the visibility time that is its delay, and is named as failed, so
// that it is not deleted. A handler that throws fails the batch, which comes back at the visibility time. A message
// that can not be read is counted and named as failed each time, until it is a dead letter; the handler never sees
// it. In FIFO it holds up its group meanwhile, so there it comes back soon; those behind it in the batch are handled,
// as nobody will ever read it before them.

import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from '../../../ports/clock.ts';
import type { BatchHandler, ReceivedMessage } from '../../../ports/queue.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import { contentOf } from './body.ts';
import { type BatchResponse, type SqsRecord, sqsEvent } from './events.ts';
import { metrics } from './metrics.ts';
import { retriesOf } from './outcomes.ts';
import { type Returning, seenAgain } from './visibility.ts';

export interface SqsEventDeps<Body> {
  client: SQSClient;
  queueUrl: string;
  /** For people: of errors, logs and counts. */
  queue: string;
  clock: Clock;
  telemetry: Telemetry;
  /** What a message holds; throws where it is none. */
  parse(value: unknown): Body;
}

/** Five receives are then over in half a minute, and a function that is just being replaced can still come to read it. */
const unreadableFifoDelayMs = 5_000;

/** Of a reason, in a log. */
const reasonLengthMax = 300;

export function handleSqsEvent<Body>(
  deps: SqsEventDeps<Body>,
  handler: BatchHandler<Body>,
): (event: unknown) => Promise<BatchResponse> {
  return async (event) => {
    const beganAt = deps.clock.now();
    const { Records: records } = sqsEvent.parse(event);
    const { readable, unreadable } = readAll(deps, records);
    const outcomes = readable.length > 0 ? await handler(readable) : [];
    const retries = retriesOf(deps.queue, new Set(readable.map(({ id }) => id)), outcomes);
    const returning: Returning[] = [];
    for (const { messageId, receiptHandle, attributes } of records) {
      const delayMs = retries.get(messageId);
      if (delayMs !== undefined) returning.push({ receiptHandle, delayMs });
      else if (unreadable.has(messageId) && attributes.MessageGroupId !== undefined) {
        returning.push({ receiptHandle, delayMs: unreadableFifoDelayMs });
      }
    }
    await seenAgain(deps, beganAt, returning);
    return {
      batchItemFailures: [...retries.keys(), ...unreadable].map((itemIdentifier) => ({ itemIdentifier })),
    };
  };
}

function readAll<Body>(
  { queue, telemetry, parse }: SqsEventDeps<Body>,
  records: readonly SqsRecord[],
): { readable: ReceivedMessage<Body>[]; unreadable: Set<string> } {
  const readable: ReceivedMessage<Body>[] = [];
  const unreadable = new Set<string>();
  for (const { messageId, body, attributes } of records) {
    const receiveCount = attributes.ApproximateReceiveCount;
    try {
      readable.push({ id: messageId, body: parse(contentOf(body)), receiveCount });
    } catch (error) {
      unreadable.add(messageId);
      telemetry.count(metrics.unreadable, { queue });
      const reason = String(error).slice(0, reasonLengthMax);
      telemetry.log('error', 'a message can not be read', {
        queue,
        message: messageId,
        receiveCount,
        reason,
      });
    }
  }
  return { readable, unreadable };
}
