// A fresh table on an emulator, for tests: its stream is polled, and what DynamoDB does by its time to live is done
// here, since no emulator does it while one waits.

import assert from 'node:assert/strict';
import { CreateTableCommand, DeleteTableCommand, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { DeleteCommand, type DynamoDBDocumentClient, paginateScan } from '@aws-sdk/lib-dynamodb';
import type { Job } from '../../../core/job.ts';
import type { Runner } from '../../../core/runner.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Change } from '../../../ports/jobs-table.ts';
import { changesOf } from './changes.ts';
import { jobOf, runnerOf } from './late.ts';
import { createRows, type RowOptions } from './rows.ts';
import { itemKeyOf, type Row, tableSchema } from './schema.ts';

/** It shares the machine with all other tests. */
const answerMsMax = 60_000;

/** How to reach an emulator: it wants a signature, and takes any. */
export function emulatorConfig(endpoint: string): DynamoDBClientConfig {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    requestHandler: { requestTimeout: answerMsMax, connectionTimeout: answerMsMax },
  };
}

/** Makes the table as `tableSchema` says, and gives its stream's name. */
export async function createTable(client: DynamoDBDocumentClient, tableName: string): Promise<string> {
  const { key, localIndexes, globalIndexes, numbers } = tableSchema;
  const attributes = new Set<string>([...key, ...localIndexes, ...Object.values(globalIndexes).flat()]);
  const keySchema = (names: readonly string[]) =>
    names.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' }) as const);
  const index = (name: string, names: readonly string[]) => ({
    IndexName: name,
    KeySchema: keySchema(names),
    Projection: { ProjectionType: 'KEYS_ONLY' } as const,
  });
  const { TableDescription } = await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keySchema(key),
      AttributeDefinitions: [...attributes].map((AttributeName) => ({
        AttributeName,
        AttributeType: (numbers as readonly string[]).includes(AttributeName) ? 'N' : 'S',
      })),
      LocalSecondaryIndexes: localIndexes.map((name) => index(name, [key[0], name])),
      GlobalSecondaryIndexes: Object.entries(globalIndexes).map(([name, names]) => index(name, names)),
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    }),
  );
  return TableDescription?.LatestStreamArn ?? '';
}

export async function deleteTable(client: DynamoDBDocumentClient, tableName: string): Promise<void> {
  await client.send(new DeleteTableCommand({ TableName: tableName }));
}

/** Each call reads what the stream has by now, of all its shards, and tells of it. */
export function createStreamPoller(
  config: DynamoDBClientConfig,
  streamArn: string,
  onChanges: (changes: Change[]) => void,
) {
  const { endpoint, region, credentials } = config;
  const client = new DynamoDBStreamsClient({
    ...(endpoint && { endpoint }),
    ...(region && { region }),
    ...(credentials && { credentials }),
  });
  /** Where to go on; `undefined` behind the end of a closed shard. */
  const iterators = new Map<string, string | undefined>();

  async function follow(shard: string): Promise<void> {
    for (let iterator = iterators.get(shard); iterator !== undefined; ) {
      const { Records = [], NextShardIterator } = await client.send(
        new GetRecordsCommand({ ShardIterator: iterator }),
      );
      iterator = NextShardIterator;
      iterators.set(shard, iterator);
      const changes = Records.flatMap(changesOf);
      if (changes.length > 0) onChanges(changes);
      if (Records.length === 0) return;
    }
  }

  return {
    async poll(): Promise<void> {
      const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn: streamArn }));
      for (const { ShardId } of StreamDescription?.Shards ?? []) {
        if (ShardId === undefined) continue;
        if (!iterators.has(ShardId)) {
          const { ShardIterator } = await client.send(
            new GetShardIteratorCommand({
              StreamArn: streamArn,
              ShardId,
              ShardIteratorType: 'TRIM_HORIZON',
            }),
          );
          iterators.set(ShardId, ShardIterator);
        }
        await follow(ShardId);
      }
    },
    close: () => client.destroy(),
  };
}

/**
 * What DynamoDB does with items that expire, but for the time that it takes: deletes those that ended before `before`,
 * `limit` of them at most. Those alone are found that have the attribute; it has whole seconds, so the item tells when
 * it ended.
 */
export async function deleteExpired(
  client: DynamoDBDocumentClient,
  tableName: string,
  before: number,
  limit: number,
): Promise<number> {
  const expired: Row[] = [];
  for await (const { Items = [] } of paginateScan({ client }, { TableName: tableName, ConsistentRead: true }))
    expired.push(
      ...(Items as Row[]).filter((row) => row.expires !== undefined && (endOf(row) ?? before) < before),
    );
  const going = expired.slice(0, limit);
  for (const { pk, sk } of going)
    await client.send(new DeleteCommand({ TableName: tableName, Key: { pk, sk } }));
  return going.length;
}

export function endOf(row: Row): number | null {
  return itemKeyOf(row)?.kind === 'job' ? jobOf(row).completedSeenAt : runnerOf(row).goneAt;
}

const lookAgainMs = 20;
const looksMax = 250;

/** Looks until it passes, polling the stream before each look. */
export async function eventually(
  clock: Clock,
  poll: () => Promise<void>,
  check: () => Promise<void>,
): Promise<void> {
  for (let looks = 1; ; looks += 1) {
    await poll();
    try {
      await check();
      return;
    } catch (error) {
      if (looks >= looksMax) throw error;
      await clock.sleep(lookAgainMs);
    }
  }
}

/**
 * Three things that this table answers otherwise: jobs are not counted by a census; a host's runners have no order; and
 * a job that is still counted is found in its lane, though its route is refused by now.
 */
export function comparable(answers: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(answers).map(([what, answer]) => {
      if (what.startsWith('census')) return [what, { ...(answer as object), jobs: [] }];
      if (what.startsWith('runnersOfHost'))
        return [what, (answer as Runner[]).toSorted((a, b) => (a.name < b.name ? -1 : 1))];
      if (what === 'jobsRefused') return [what, (answer as Job[]).filter(({ counted }) => counted === null)];
      return [what, answer];
    }),
  );
}

/** Beside the item itself, what tells one write from another, and what only helps. */
const notCompared = new Set(['item', 'late', 'wrote', 'calm', 'runner']);

/** What the indexes know of an item is what they would know of it, were it packed anew. */
export function assertPackedAnew(row: Row, options: RowOptions): void {
  if (row.sk !== 'J' && !row.pk.startsWith('R#')) return;
  const rows = createRows(options);
  const anew: Row = row.sk === 'J' ? rows.ofJob(jobOf(row)) : rows.ofRunner(runnerOf(row));
  const known = (from: Row) =>
    Object.fromEntries(
      Object.entries(from).filter(([name, value]) => value !== undefined && !notCompared.has(name)),
    );
  assert.deepEqual(known(row), known(anew));
}
