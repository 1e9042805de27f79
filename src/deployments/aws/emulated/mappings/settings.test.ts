import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mappingOf } from './settings.ts';

const FunctionArn = 'arn:aws:lambda:us-east-1:000000000000:function:messenger';
const EventSourceArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026';
const queueArn = 'arn:aws:sqs:us-east-1:000000000000:steps';
const partial = { FunctionResponseTypes: ['ReportBatchItemFailures'] };

describe('What a mapping says', () => {
  it('of a queue: its batches, how many at a time, and that failures are told one by one', () => {
    const ScalingConfig = { MaximumConcurrency: 4 };
    assert.deepEqual(
      mappingOf({ FunctionArn, EventSourceArn: queueArn, BatchSize: 1, ScalingConfig, ...partial }),
      { kind: 'queue', functionName: 'messenger', queueArn, batchSizeMax: 1, concurrency: 4 },
    );
  });

  it('of a stream: all that bounds its tries', () => {
    const mapping = mappingOf({
      ...{ FunctionArn, EventSourceArn, ...partial },
      ...{ StartingPosition: 'TRIM_HORIZON', BatchSize: 50, ParallelizationFactor: 4 },
      ...{ MaximumRetryAttempts: 5, MaximumRecordAgeInSeconds: 600, BisectBatchOnFunctionError: true },
      DestinationConfig: { OnFailure: { Destination: queueArn } },
      FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
    });
    assert.deepEqual(mapping, {
      ...{ kind: 'stream', functionName: 'messenger', streamArn: EventSourceArn, from: 'TRIM_HORIZON' },
      ...{ batchSizeMax: 50, windowMs: 0, lines: 4, retriesMax: 5, recordAgeMsMax: 600_000 },
      ...{ bisects: true, reportsFailures: true, failuresTo: queueArn },
      filters: [{ eventName: ['INSERT'] }],
    });
  });

  it("of a stream that says nothing: Lambda's defaults, which try for ever", () => {
    const mapping = mappingOf({ FunctionArn, EventSourceArn, MaximumRetryAttempts: -1 });
    assert.ok(mapping.kind === 'stream');
    assert.equal(mapping.retriesMax, Number.POSITIVE_INFINITY);
    assert.equal(mapping.recordAgeMsMax, 24 * 60 * 60_000);
    assert.equal(mapping.bisects, false);
    assert.deepEqual(mapping.filters, []);
  });

  it('is refused where it can not be run as it says', () => {
    const one = { FunctionArn, EventSourceArn: queueArn, ...partial };
    assert.throws(() => mappingOf({ ...one, MaximumBatchingWindowInSeconds: 5 }), /waits 5 s/);
    assert.throws(() => mappingOf({ ...one, FunctionResponseTypes: [] }), /does not report failures/);
    assert.throws(
      () => mappingOf({ ...one, ScalingConfig: { MaximumConcurrency: 1 } }),
      /MaximumConcurrency/,
    );
    assert.throws(
      () => mappingOf({ ...one, EventSourceArn: 'arn:aws:kinesis:x:0:stream/y' }),
      /known are sqs/,
    );
  });
});
