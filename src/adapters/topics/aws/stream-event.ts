// A table's stream in a function. A stream is a line: an answer names one place in it, and all from there on comes
// again, at once, what was handled after it too. So a record that can not be read does not keep the others from being
// handled, and then its place is named: the mapping repeats a bounded number of times, and sends it away.

import type { BatchHandler, ReceivedMessage } from '../../../ports/queue.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import { type BatchResponse, type StreamRecord, streamEvent } from './events.ts';
import { metrics } from './metrics.ts';
import { retriesOf } from './outcomes.ts';

export interface StreamEventDeps<Body> {
  /** For people: of errors, logs and counts. */
  stream: string;
  telemetry: Telemetry;
  /** What a record tells, which may be nothing; throws where it can not be read. */
  read(record: StreamRecord): readonly Body[];
}

/** Of a reason, in a log. */
const reasonLengthMax = 300;

export function handleStreamEvent<Body>(
  { stream, telemetry, read }: StreamEventDeps<Body>,
  handler: BatchHandler<Body>,
): (event: unknown) => Promise<BatchResponse> {
  return async (event) => {
    const messages: ReceivedMessage<Body>[] = [];
    const placeOf = new Map<string, string>();
    const failed = new Set<string>();
    const { Records: records } = streamEvent.parse(event);
    for (const record of records) {
      const place = record.dynamodb.SequenceNumber;
      try {
        for (const [index, body] of read(record).entries()) {
          const id = `${place}/${index}`;
          placeOf.set(id, place);
          // How often a record has come is not told.
          messages.push({ id, body, receiveCount: 1 });
        }
      } catch (error) {
        failed.add(place);
        telemetry.count(metrics.unreadable, { queue: stream });
        const reason = String(error).slice(0, reasonLengthMax);
        telemetry.log('error', 'a record of the stream can not be read', { queue: stream, place, reason });
      }
    }
    const outcomes = messages.length > 0 ? await handler(messages) : [];
    for (const id of retriesOf(stream, new Set(placeOf.keys()), outcomes).keys()) {
      const place = placeOf.get(id);
      if (place !== undefined) failed.add(place);
    }
    // A batch is of one shard and in its order, so the first is the lowest.
    const lowest = records.find(({ dynamodb }) => failed.has(dynamodb.SequenceNumber));
    return { batchItemFailures: lowest ? [{ itemIdentifier: lowest.dynamodb.SequenceNumber }] : [] };
  };
}
