// A table's stream: read shard by shard, handed to the lines, and what they give up told to the failure destination.

import {
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from '../../../../ports/clock.ts';
import { FunctionFailure, type Invoke } from './invoke.ts';
import type { TableMapping } from './settings.ts';
import { createStreamLines, type FailureNote, type StreamLines, type StreamRecord } from './stream.ts';

export interface TableStreamDeps {
  mapping: TableMapping;
  streams: DynamoDBStreamsClient;
  sqs: SQSClient;
  invoke: Invoke;
  urlOf(queueArn: string): Promise<string>;
  clock: Clock;
  onError(error: unknown): void;
}

/** Lambda asks a shard four times a second. [AWS: Process DynamoDB records with Lambda] */
const pollMs = 250;
/** DynamoDB's largest page. */
const recordsPerReadMax = 1_000;

export async function startTableStream(deps: TableStreamDeps) {
  const { mapping, streams, clock } = deps;
  const { StreamDescription } = await streams.send(
    new DescribeStreamCommand({ StreamArn: mapping.streamArn }),
  );
  const shards = (StreamDescription?.Shards ?? []).flatMap(({ ShardId }) => ShardId ?? []);
  const stopping = new AbortController();
  const allLines: StreamLines[] = [];
  let behind = 0;
  const reading = shards.map(async (shard) => {
    const lines = createStreamLines({
      ...{ mapping, clock, onError: deps.onError },
      invoke: (event) => deps.invoke({ Records: event.Records.map((record) => asLambdaGivesIt(record)) }),
      giveUp: (note) => tellFailure(deps, shard, note),
    });
    allLines.push(lines);
    await read(shard, lines).catch(deps.onError);
  });

  async function read(shard: string, lines: StreamLines): Promise<void> {
    let iterator = await iteratorOf(shard);
    while (!stopping.signal.aborted && iterator !== undefined) {
      try {
        const page = await streams.send(
          new GetRecordsCommand({ ShardIterator: iterator, Limit: recordsPerReadMax }),
          { abortSignal: stopping.signal },
        );
        const records = (page.Records ?? []) as unknown as ReadRecord[];
        behind = records.length;
        await lines.take(records.map(withSeconds));
        behind = 0;
        iterator = page.NextShardIterator;
        if (records.length === 0) await clock.sleep(pollMs);
      } catch (error) {
        if (stopping.signal.aborted) return;
        deps.onError(error);
        await clock.sleep(pollMs);
      }
    }
  }

  async function iteratorOf(shard: string): Promise<string | undefined> {
    const { ShardIterator } = await streams.send(
      new GetShardIteratorCommand({
        StreamArn: mapping.streamArn,
        ShardId: shard,
        ShardIteratorType: mapping.from,
      }),
    );
    return ShardIterator;
  }

  function asLambdaGivesIt(record: StreamRecord) {
    return { ...record, eventSourceARN: mapping.streamArn };
  }

  return {
    /** Records read and not done with. */
    left: () => allLines.reduce((sum, lines) => sum + lines.left(), behind),
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(allLines.map((lines) => lines.stop()));
      await Promise.all(reading);
    },
  };
}

interface ReadRecord {
  dynamodb: Omit<StreamRecord['dynamodb'], 'ApproximateCreationDateTime'> & {
    ApproximateCreationDateTime: Date | number;
  };
}

/** The SDK reads it as a date; Lambda gives a function the seconds. */
function withSeconds(record: ReadRecord): StreamRecord {
  const at = record.dynamodb.ApproximateCreationDateTime;
  const seconds = at instanceof Date ? at.getTime() / 1_000 : at;
  return { ...record, dynamodb: { ...record.dynamodb, ApproximateCreationDateTime: seconds } };
}

/** A note as Lambda writes it: it points at the records, which are still in the stream for a day. */
async function tellFailure(deps: TableStreamDeps, shard: string, note: FailureNote): Promise<void> {
  const { mapping, clock } = deps;
  if (mapping.failuresTo === null) return;
  const first = note.records[0]?.dynamodb;
  const last = note.records.at(-1)?.dynamodb;
  const body = {
    requestContext: {
      requestId: `${shard}:${first?.SequenceNumber}`,
      functionArn: mapping.functionName,
      condition: note.condition,
      approximateInvokeCount: note.invocations,
    },
    responseContext: {
      statusCode: 200,
      executedVersion: '$LATEST',
      functionError: note.error === null ? null : 'Unhandled',
    },
    version: '1.0',
    timestamp: new Date(clock.now()).toISOString(),
    DDBStreamBatchInfo: {
      shardId: shard,
      startSequenceNumber: first?.SequenceNumber,
      endSequenceNumber: last?.SequenceNumber,
      batchSize: note.records.length,
      streamArn: mapping.streamArn,
    },
  };
  try {
    const QueueUrl = await deps.urlOf(mapping.failuresTo);
    await deps.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }));
  } catch (error) {
    deps.onError(new FunctionFailure(mapping.functionName, `its failure was not told: ${String(error)}`));
  }
}
