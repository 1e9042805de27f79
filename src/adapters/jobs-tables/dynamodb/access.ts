// The requests that this table is used by. What DynamoDB says by an error and is none (a condition that did not
// hold) becomes a value here; what it leaves undone inside a good answer is done.

import {
  ConditionalCheckFailedException,
  TransactionCanceledException,
  TransactionConflictException,
  TransactionInProgressException,
} from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  type QueryCommandOutput,
  TransactWriteCommand,
  type TransactWriteCommandInput,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { Clock, Random } from '../../../ports/clock.ts';
import type { Addition } from './late.ts';
import { createRecentRows } from './recent-rows.ts';
import type { GlobalIndex, LocalIndex, Row, RowKey } from './schema.ts';
import { together } from './together.ts';

export interface AccessOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
  clock: Clock;
  random: Random;
}

/**
 * What a conditional put found instead of what it expected; `null`: nothing, or the answer did not tell. `not tried`:
 * something stood in the way of another that went with it.
 */
export type PutAnswer = { done: true } | { done: false; found: Row | null | 'not tried' };

interface Put {
  row: Row;
  version: number | null;
}

export interface Look {
  index?: LocalIndex | GlobalIndex;
  pk: string;
  /** Of the sort key. `after` and `before` exclude their value. */
  range?: { startsWith: string } | { after: string } | { before: number } | { upTo: number };
  limit?: number;
}

/** Of 40 KB at most each, so that they stay below the 4 MB of a transaction, which takes 100. [DynamoDB: quotas] */
const putsTogetherMax = 50;
/** A transaction takes some ms. */
const transactAttemptsMax = 4;
/** Keys of one BatchGetItem. [DynamoDB: quotas] */
const batchKeysMax = 100;
/** An answer has 16 MB at most, so even the largest items come in a few; what is left then was throttled. */
const batchAttemptsMax = 8;
/** Pauses grow from this, doubling, to that: a transaction or a throttled second is over then. */
const pauseMsFirst = 10;
const pauseMsMax = 500;

/** Sort keys that a Query compares, by where it looks. */
const sortKeyOf: Record<LocalIndex | GlobalIndex | 'table', string> = {
  table: 'sk',
  queue: 'queue',
  timed: 'timed',
  alive: 'alive',
  dirty: 'dirtyAt',
  due: 'dueAt',
  place: 'placeAt',
  counted: 'pk',
};
const partitionKeyOf: Record<LocalIndex | GlobalIndex | 'table', string> = {
  table: 'pk',
  queue: 'pk',
  timed: 'pk',
  alive: 'pk',
  dirty: 'dirty',
  due: 'due',
  place: 'place',
  counted: 'counted',
};
const globalIndexes: ReadonlySet<string> = new Set<GlobalIndex>(['dirty', 'due', 'place', 'counted']);

export type Access = ReturnType<typeof createAccess>;

export function createAccess({ client, tableName, clock, random }: AccessOptions) {
  const rows = createRecentRows();

  function keep(key: RowKey, row: Row | null): Row | null {
    if (row === null) rows.forget(rowId(key));
    else rows.keep(rowId(key), row);
    return row;
  }

  /** For waits between tries: full jitter, so that those who met once do not meet again. */
  function pause(attempt: number): Promise<void> {
    return clock.sleep(random() * Math.min(pauseMsMax, pauseMsFirst * 2 ** (attempt - 1)));
  }

  const get = together<RowKey, Row | null>({
    idOf: rowId,
    most: batchKeysMax,
    one: getOne,
    async many(keys) {
      const found = new Map((await batchGet(keys)).map((row) => [rowId(row), row]));
      return keys.map((key) => keep(key, found.get(rowId(key)) ?? null));
    },
  });

  async function getOne(key: RowKey): Promise<Row | null> {
    const { Item } = await client.send(
      new GetCommand({ TableName: tableName, Key: key, ConsistentRead: true }),
    );
    return keep(key, (Item as Row | undefined) ?? null);
  }

  /** `version`: what the item must have, `null`: it must not be there. */
  const put = together<Put, PutAnswer>({
    idOf: ({ row }) => rowId(row),
    most: putsTogetherMax,
    one: putOne,
    many: putMany,
  });

  /** One transaction. Where something stands in the way of some, those hear of it, and the others go again. */
  async function putMany(puts: readonly Put[]): Promise<readonly PutAnswer[]> {
    const parts = puts.map(({ row, version }) => ({
      Put: {
        TableName: tableName,
        Item: row,
        ...versionIs(version),
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
      },
    }));
    try {
      await transact({ TransactItems: parts, ClientRequestToken: makeToken() });
      for (const { row } of puts) keep(row, row);
      return puts.map(() => ({ done: true }));
    } catch (error) {
      if (!(error instanceof TransactionCanceledException)) throw error;
      const reasons = error.CancellationReasons ?? [];
      const isRefused = (i: number) => reasons[i]?.Code === 'ConditionalCheckFailed';
      // It met another transaction, or was throttled: each alone has the SDK's patience.
      if (!puts.some((_, i) => isRefused(i))) return Promise.all(puts.map(putOne));
      return puts.map(({ row }, i): PutAnswer => {
        if (!isRefused(i)) return { done: false, found: 'not tried' };
        const item = reasons[i]?.Item;
        return { done: false, found: keep(row, item ? (unmarshall(item) as Row) : null) };
      });
    }
  }

  /** Our own first try, whose answer did not come, may still be at it: then the same is asked for again. */
  async function transact(request: TransactWriteCommandInput): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.send(new TransactWriteCommand(request));
        return;
      } catch (error) {
        if (!(error instanceof TransactionInProgressException) || attempt === transactAttemptsMax)
          throw error;
        await pause(attempt);
      }
    }
  }

  async function putOne({ row, version }: Put): Promise<PutAnswer> {
    const wrote = row.wrote;
    try {
      await client.send(
        new PutCommand({
          TableName: tableName,
          Item: row,
          ...versionIs(version),
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      keep(row, row);
      return { done: true };
    } catch (error) {
      // A commit is about to write it: what it makes of it has to be read.
      if (error instanceof TransactionConflictException) return { done: false, found: null };
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // Unlike an answer, an error is as it came.
      const found = keep(row, error.Item ? (unmarshall(error.Item) as Row) : null);
      // The answer to our own write was lost, and the SDK has sent it again.
      if (wrote !== undefined && found?.wrote === wrote) return { done: true };
      return { done: false, found };
    }
  }

  /** Adds a fact without a read: the row as it is by it, or what stood in its way. */
  async function add(
    addition: Addition,
  ): Promise<{ done: true; row: Row } | { done: false; found: Row | null }> {
    const { key, late, condition, values, set, remove, dirty } = addition;
    const wrote = makeToken();
    const names = Object.keys(set);
    const sets = [
      'late = list_append(if_not_exists(late, :none), :late)',
      '#version = #version + :one',
      'wrote = :wrote',
      ...names.map((name) => `#set_${name} = :set_${name}`),
      // As the core marks it: what waits already keeps its host and its time, and every change is another.
      ...(dirty
        ? [
            'dirty = if_not_exists(dirty, :dirty)',
            'dirtyAt = if_not_exists(dirtyAt, :since)',
            '#change = if_not_exists(#change, #version) + :one',
          ]
        : []),
    ];
    try {
      const { Attributes } = await client.send(
        new UpdateCommand({
          TableName: tableName,
          Key: { pk: key.pk, sk: key.sk },
          UpdateExpression: `SET ${sets.join(', ')}${remove.length > 0 ? ` REMOVE ${remove.join(', ')}` : ''}`,
          // Sent again by the SDK, where the answer was lost, it is refused, and known by what it finds.
          ConditionExpression: `(${condition}) AND (attribute_not_exists(wrote) OR wrote <> :wrote)`,
          ExpressionAttributeNames: {
            '#version': 'version',
            ...(dirty && { '#change': 'change' }),
            ...Object.fromEntries(names.map((name) => [`#set_${name}`, name])),
          },
          ExpressionAttributeValues: {
            ...values,
            ':none': [],
            ':late': [late],
            ':one': 1,
            ':wrote': wrote,
            ...(dirty && { ':dirty': dirty.partition, ':since': dirty.since }),
            ...Object.fromEntries(names.map((name) => [`:set_${name}`, set[name]])),
          },
          ReturnValues: 'ALL_NEW',
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      );
      const row = Attributes as Row;
      keep(row, row);
      return { done: true, row };
    } catch (error) {
      if (error instanceof TransactionConflictException) return { done: false, found: null };
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      const found = keep(key, error.Item ? (unmarshall(error.Item) as Row) : null);
      if (found?.wrote === wrote) return { done: true, row: found };
      return { done: false, found };
    }
  }

  /** Those that there are, in the order of `keys`. Strongly consistent. */
  async function batchGet(keys: readonly RowKey[]): Promise<Row[]> {
    const unique = [...new Map(keys.map((key) => [rowId(key), key])).values()];
    const batches: RowKey[][] = [];
    for (let i = 0; i < unique.length; i += batchKeysMax) batches.push(unique.slice(i, i + batchKeysMax));
    const read = (await Promise.all(batches.map(oneBatch))).flat();
    const found = new Map(read.map((row) => [rowId(row), row]));
    return unique.flatMap((key) => found.get(rowId(key)) ?? []);
  }

  /** Rows that were read or written for sure: good guesses from now on. */
  function saw(seen: readonly Row[]): void {
    for (const row of seen) keep(row, row);
  }

  async function oneBatch(keys: readonly RowKey[]): Promise<Row[]> {
    const rows: Row[] = [];
    let left = keys.map(({ pk, sk }): Record<string, unknown> => ({ pk, sk }));
    for (let attempt = 1; attempt <= batchAttemptsMax; attempt += 1) {
      const answer = await client.send(
        new BatchGetCommand({ RequestItems: { [tableName]: { Keys: left, ConsistentRead: true } } }),
      );
      rows.push(...((answer.Responses?.[tableName] ?? []) as Row[]));
      left = answer.UnprocessedKeys?.[tableName]?.Keys ?? [];
      if (left.length === 0) return rows;
      await pause(attempt);
    }
    throw new Error(
      `table ${tableName}: ${left.length} of ${keys.length} items were not read in ${batchAttemptsMax} tries: it is ` +
        'throttled; look at its metrics ReadThrottleEvents, and at what else reads it',
    );
  }

  /** In order. Strongly consistent but for global indexes; every index gives keys alone. */
  async function query(look: Look): Promise<Row[]> {
    const rows: Row[] = [];
    for await (const page of pages(look)) {
      rows.push(...page);
      if (rows.length >= (look.limit ?? Number.POSITIVE_INFINITY)) break;
    }
    return rows.slice(0, look.limit);
  }

  /** Page by page, each of `limit` rows at most, to the end. */
  async function* pages(look: Look): AsyncGenerator<Row[]> {
    if (look.limit !== undefined && look.limit <= 0) return;
    let start: QueryCommandInput['ExclusiveStartKey'];
    do {
      const answer: QueryCommandOutput = await client.send(
        new QueryCommand({
          ...queryOf(tableName, look),
          ...(start && { ExclusiveStartKey: start }),
        }),
      );
      yield (answer.Items ?? []) as Row[];
      start = answer.LastEvaluatedKey;
    } while (start !== undefined);
  }

  /** Names a write, so that it is known again. */
  function makeToken(): string {
    return Array.from({ length: 3 }, () => Math.floor(random() * 2 ** 32).toString(36)).join('-');
  }

  /** What this process last saw of it; `undefined`: nothing lately. */
  const recent = (key: RowKey): Row | undefined => rows.get(rowId(key));

  return { client, tableName, pause, recent, saw, get, put, add, batchGet, query, pages, makeToken };
}

export function rowId({ pk, sk }: RowKey): string {
  return JSON.stringify([pk, sk]);
}

/** The condition that an item has the version that was read, or that it is new. */
export function versionIs(version: number | null) {
  return version === null
    ? { ConditionExpression: 'attribute_not_exists(pk)' }
    : {
        ConditionExpression: '#version = :version',
        ExpressionAttributeNames: { '#version': 'version' },
        ExpressionAttributeValues: { ':version': version },
      };
}

function queryOf(tableName: string, { index, pk, range, limit }: Look): QueryCommandInput {
  const isGlobal = index !== undefined && globalIndexes.has(index);
  const [condition, value] = rangeOf(range);
  return {
    TableName: tableName,
    ...(index && { IndexName: index }),
    KeyConditionExpression: `#pk = :pk${condition}`,
    ExpressionAttributeNames: {
      '#pk': partitionKeyOf[index ?? 'table'],
      ...(range && { '#sk': sortKeyOf[index ?? 'table'] }),
    },
    ExpressionAttributeValues: { ':pk': pk, ...(range && { ':sk': value }) },
    ...(!isGlobal && { ConsistentRead: true }),
    ...(limit !== undefined && { Limit: limit }),
  };
}

function rangeOf(range: Look['range']): [condition: string, value: string | number | undefined] {
  if (range === undefined) return ['', undefined];
  if ('startsWith' in range) return [' AND begins_with(#sk, :sk)', range.startsWith];
  if ('after' in range) return [' AND #sk > :sk', range.after];
  if ('before' in range) return [' AND #sk < :sk', range.before];
  return [' AND #sk <= :sk', range.upTo];
}
