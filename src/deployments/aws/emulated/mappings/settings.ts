// What a mapping says, as Lambda's API lists it, read and with Lambda's defaults filled in.
// [AWS Lambda API: EventSourceMappingConfiguration]

import { z } from 'zod';
import { parsePattern } from './filter.ts';
import type { StreamMapping } from './stream.ts';

interface QueueMapping {
  kind: 'queue';
  functionName: string;
  queueArn: string;
  batchSizeMax: number;
  /** Batches at one time. */
  concurrency: number;
}

export interface TableMapping extends StreamMapping {
  kind: 'stream';
  functionName: string;
  streamArn: string;
  from: 'TRIM_HORIZON' | 'LATEST';
  /** Of a queue. */
  failuresTo: string | null;
}

export type Mapping = QueueMapping | TableMapping;

/**
 * Where nothing bounds it: Lambda goes up to hundreds, FIFO to as many as there are groups. On one machine a few serve
 * as well, and a queue that needs more is a queue whose mapping should say so.
 */
const concurrencyOfUnbounded = 8;

/** A stream keeps its records for a day, which is as long as anything is tried without a limit. */
const recordAgeMsMax = 24 * 60 * 60_000;

const infinite = -1;

const listed = z.object({
  EventSourceArn: z.string(),
  FunctionArn: z.string(),
  BatchSize: z.number().int().min(1).optional(),
  MaximumBatchingWindowInSeconds: z.number().optional(),
  FunctionResponseTypes: z.array(z.literal('ReportBatchItemFailures')).default([]),
  ScalingConfig: z.object({ MaximumConcurrency: z.number().int().min(2).max(1_000).optional() }).optional(),
  StartingPosition: z.enum(['TRIM_HORIZON', 'LATEST']).optional(),
  FilterCriteria: z.object({ Filters: z.array(z.object({ Pattern: z.string() })).default([]) }).optional(),
  ParallelizationFactor: z.number().int().min(1).max(10).optional(),
  MaximumRetryAttempts: z.number().int().min(infinite).optional(),
  MaximumRecordAgeInSeconds: z.number().int().min(infinite).optional(),
  BisectBatchOnFunctionError: z.boolean().optional(),
  DestinationConfig: z
    .object({ OnFailure: z.object({ Destination: z.string().optional() }).optional() })
    .optional(),
});

export function mappingOf(configuration: unknown): Mapping {
  const given = listed.parse(configuration);
  const functionName = given.FunctionArn.split(':')[6] ?? '';
  const service = given.EventSourceArn.split(':')[2];
  const windowSeconds = given.MaximumBatchingWindowInSeconds ?? 0;
  if (windowSeconds > 0 && service === 'sqs') {
    throw new Error(
      `the mapping of ${functionName} waits ${windowSeconds} s for a batch to fill: the runner here knows no such ` +
        'window of queues, and none of ours has one',
    );
  }
  const reportsFailures = given.FunctionResponseTypes.length > 0;
  if (service === 'sqs') {
    if (!reportsFailures) {
      throw new Error(
        `the mapping of ${functionName} does not report failures of single messages: each must`,
      );
    }
    return {
      kind: 'queue',
      functionName,
      queueArn: given.EventSourceArn,
      batchSizeMax: given.BatchSize ?? 10,
      concurrency: given.ScalingConfig?.MaximumConcurrency ?? concurrencyOfUnbounded,
    };
  }
  if (service !== 'dynamodb')
    throw new Error(`a mapping of ${given.EventSourceArn}: known are sqs and dynamodb`);
  const ageSeconds = given.MaximumRecordAgeInSeconds ?? infinite;
  const retries = given.MaximumRetryAttempts ?? infinite;
  return {
    kind: 'stream',
    functionName,
    streamArn: given.EventSourceArn,
    from: given.StartingPosition ?? 'LATEST',
    batchSizeMax: given.BatchSize ?? 100,
    windowMs: windowSeconds * 1_000,
    lines: given.ParallelizationFactor ?? 1,
    retriesMax: retries === infinite ? Number.POSITIVE_INFINITY : retries,
    recordAgeMsMax: ageSeconds === infinite ? recordAgeMsMax : ageSeconds * 1_000,
    bisects: given.BisectBatchOnFunctionError ?? false,
    reportsFailures,
    filters: (given.FilterCriteria?.Filters ?? []).map(({ Pattern }) => parsePattern(Pattern)),
    failuresTo: given.DestinationConfig?.OnFailure?.Destination ?? null,
  };
}
