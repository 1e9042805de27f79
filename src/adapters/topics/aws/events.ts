// What Lambda hands a function for a queue and for a table's stream, as far as it is used here, and the answer.
// [AWS: Using Lambda with Amazon SQS; Using Lambda with DynamoDB]

import { z } from 'zod';

const sqsRecord = z.object({
  messageId: z.string().min(1),
  receiptHandle: z.string().min(1),
  body: z.string(),
  attributes: z.object({
    ApproximateReceiveCount: z.coerce.number().int().min(1),
    MessageGroupId: z.string().optional(),
  }),
});

/** 10,000 is the largest batch that a mapping can be set to. */
export const sqsEvent = z.object({ Records: z.array(sqsRecord).max(10_000) });

export type SqsRecord = z.infer<typeof sqsRecord>;

/** An item, as far as keys and marks go, which are strings. Not checked here: one odd record must not fail them all. */
const image = z.custom<Record<string, { S?: string }>>().optional();

const streamRecord = z.object({
  dynamodb: z.object({
    SequenceNumber: z.string().min(1),
    NewImage: image,
    OldImage: image,
  }),
});

/** 10,000 here too. */
export const streamEvent = z.object({ Records: z.array(streamRecord).max(10_000) });

export type StreamRecord = z.infer<typeof streamRecord>;

/** The messages, or the place in the stream, that come again; the mapping has to say `ReportBatchItemFailures`. */
export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[];
}
