// DynamoDB in memory, below the SDK's commands: a stand-in for tests that count calls and units on virtual time. It
// answers the commands that this system sends as DynamoDB does, refusals included, each at one instant. The contract
// that it is held to is the one that the emulators pass.

import { isDeepStrictEqual } from 'node:util';
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  TransactionCanceledException,
} from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { tableSchema } from './schema.ts';
import { holds, type Item, type Placeholders, updated } from './testing-expression.ts';

/** One request of the SDK's, with the capacity units that DynamoDB charges for it. */
interface MemoryCall {
  operation: string;
  readUnits: number;
  writeUnits: number;
}

export interface MemoryRecord {
  dynamodb: { NewImage?: Record<string, AttributeValue>; OldImage?: Record<string, AttributeValue> };
}

interface MemoryDynamoDbOptions {
  /** The table's stream. */
  onRecords?: (records: MemoryRecord[]) => void;
}

interface ClientOptions {
  onCall?: (call: MemoryCall) => void;
  /** Called before and after each request: an instant of its own, as the network has it. */
  delay?: (operation: string) => Promise<void>;
}

interface Write extends Placeholders {
  key: Item;
  ConditionExpression?: string | undefined;
  ReturnValuesOnConditionCheckFailure?: string | undefined;
  /** `null` deletes; `undefined` leaves it as it is. */
  next: (item: Item | null) => Item | null | undefined;
}

type Input = Record<string, unknown> & Placeholders;

const readUnitBytes = 4 * 1024;
const writeUnitBytes = 1024;
const indexes: Readonly<Record<string, readonly [pk: string, sk: string]>> = {
  ...Object.fromEntries(tableSchema.localIndexes.map((name) => [name, [tableSchema.key[0], name] as const])),
  ...tableSchema.globalIndexes,
};

export function createMemoryDynamoDb({ onRecords = () => {} }: MemoryDynamoDbOptions = {}) {
  const items = new Map<string, Item>();

  // ---- Writes

  /** What came of it, and what it costs; throws nothing. */
  function prepare(write: Write): { id: string; before: Item | null; isRefused: boolean } {
    const id = idOf(write.key);
    const before = items.get(id) ?? null;
    return { id, before, isRefused: !holds(write.ConditionExpression, before ?? {}, write) };
  }

  function apply(write: Write): { after: Item | null; units: number } {
    const { id, before } = prepare(write);
    const next = write.next(before);
    const after = next === undefined ? before : next === null ? null : storable(next);
    if (after === null) items.delete(id);
    else items.set(id, after);
    if (!isDeepStrictEqual(before, after))
      onRecords([
        {
          dynamodb: {
            ...(after && { NewImage: marshall(after) }),
            ...(before && { OldImage: marshall(before) }),
          },
        },
      ]);
    const size = Math.max(bytesOf(before), bytesOf(after), 1);
    return { after, units: Math.ceil(size / writeUnitBytes) + indexUnits(before, after) };
  }

  function single(write: Write): { after: Item | null; call: Omit<MemoryCall, 'operation'> } {
    const { before, isRefused } = prepare(write);
    if (!isRefused) {
      const { after, units } = apply(write);
      return { after, call: { readUnits: 0, writeUnits: units } };
    }
    const isTold = write.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && before !== null;
    throw Object.assign(
      new ConditionalCheckFailedException({
        message: 'The conditional request failed',
        $metadata: {},
        ...(isTold && { Item: marshall(before) }),
      }),
      { units: Math.ceil(Math.max(1, bytesOf(before)) / writeUnitBytes) },
    );
  }

  function transact(writes: readonly Write[]): number {
    const prepared = writes.map(prepare);
    if (new Set(prepared.map(({ id }) => id)).size < writes.length || writes.length > 100)
      throw new Error('a transaction of more than 100 items, or with one item twice');
    const size = (before: Item | null) => Math.ceil(Math.max(1, bytesOf(before)) / writeUnitBytes);
    if (prepared.some(({ isRefused }) => isRefused))
      throw Object.assign(
        new TransactionCanceledException({
          message: 'Transaction cancelled',
          $metadata: {},
          CancellationReasons: prepared.map(({ isRefused, before }, i) => ({
            Code: isRefused ? 'ConditionalCheckFailed' : 'None',
            ...(isRefused &&
              before !== null &&
              writes[i]?.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && { Item: marshall(before) }),
          })),
        }),
        { units: 2 * prepared.reduce((sum, { before }) => sum + size(before), 0) },
      );
    let units = 0;
    for (const write of writes) {
      const { before } = prepare(write);
      const applied = apply(write);
      const indexed = indexUnits(before, applied.after);
      units += 2 * (applied.units - indexed) + indexed;
    }
    return units;
  }

  // ---- Reads

  function query(input: Input) {
    const index = indexes[String(input['IndexName'])] ?? tableSchema.key;
    const start = input['ExclusiveStartKey'] as Item | undefined;
    const limit = (input['Limit'] as number | undefined) ?? Number.POSITIVE_INFINITY;
    const found = [...items.values()]
      .filter((item) => index.every((name) => item[name] !== undefined))
      .filter((item) => holds(String(input['KeyConditionExpression']), item, input))
      .sort((a, b) => byKey(a, b, index));
    const from = start === undefined ? 0 : found.findIndex((item) => idOf(item) === idOf(start)) + 1;
    const page = found.slice(from, from + limit);
    const shown = input['IndexName'] === undefined ? page : page.map((item) => keysOf(item, index));
    const last = page.at(-1);
    const bytes = shown.reduce((sum, item) => sum + bytesOf(item), 0);
    const units = Math.max(1, Math.ceil(bytes / readUnitBytes)) / (input['ConsistentRead'] === true ? 1 : 2);
    return {
      answer: {
        Items: structuredClone(shown),
        ...(page.length === limit && last !== undefined && { LastEvaluatedKey: keysOf(last, index) }),
      },
      units,
    };
  }

  function read(key: Item): { item: Item | null; units: number } {
    const item = items.get(idOf(key)) ?? null;
    return {
      item: item && structuredClone(item),
      units: Math.ceil(Math.max(1, bytesOf(item)) / readUnitBytes),
    };
  }

  // ---- Commands

  function run(operation: string, input: Input): { answer: object } & Omit<MemoryCall, 'operation'> {
    switch (operation) {
      case 'GetItem': {
        const { item, units } = read(input['Key'] as Item);
        return { answer: { ...(item && { Item: item }) }, readUnits: units, writeUnits: 0 };
      }
      case 'BatchGetItem': {
        const [[tableName, { Keys: keys }] = never()] = Object.entries(
          input['RequestItems'] as Record<string, { Keys: Item[] }>,
        );
        if (keys.length === 0 || keys.length > 100) throw new Error(`a batch of ${keys.length} keys`);
        const rows = keys.map(read);
        return {
          answer: { Responses: { [tableName]: rows.flatMap(({ item }) => item ?? []) } },
          readUnits: rows.reduce((sum, { units }) => sum + units, 0),
          writeUnits: 0,
        };
      }
      case 'Query': {
        const { answer, units } = query(input);
        return { answer, readUnits: units, writeUnits: 0 };
      }
      case 'PutItem':
      case 'UpdateItem':
      case 'DeleteItem': {
        const { after, call } = single(writeOf(operation, input));
        const all = input['ReturnValues'] === 'ALL_NEW' && after !== null;
        return { answer: all ? { Attributes: structuredClone(after) } : {}, ...call };
      }
      case 'TransactWriteItems': {
        const parts = input['TransactItems'] as Record<string, Input>[];
        const writes = parts.map((part) => {
          const [[kind, of] = never()] = Object.entries(part);
          return writeOf(`${kind}Item`, of);
        });
        return { answer: {}, readUnits: 0, writeUnits: transact(writes) };
      }
      default:
        throw new Error(`${operation}: this stand-in has no such operation`);
    }
  }

  return {
    items,

    /** A client of this table: one for each process that is meant to be one. */
    client({ onCall = () => {}, delay = async () => {} }: ClientOptions = {}): DynamoDBDocumentClient {
      const client = {
        async send(command: { constructor: { name: string }; input: Input }): Promise<object> {
          const operation = operations[command.constructor.name] ?? command.constructor.name;
          await delay(operation);
          try {
            const { answer, readUnits, writeUnits } = run(operation, storable(command.input) as Input);
            onCall({ operation, readUnits, writeUnits });
            return answer;
          } catch (error) {
            onCall({ operation, readUnits: 0, writeUnits: (error as { units?: number }).units ?? 0 });
            throw error;
          } finally {
            await delay(operation);
          }
        },
        destroy: () => {},
      };
      return client as unknown as DynamoDBDocumentClient;
    },
  };
}

const operations: Readonly<Record<string, string>> = {
  GetCommand: 'GetItem',
  BatchGetCommand: 'BatchGetItem',
  QueryCommand: 'Query',
  PutCommand: 'PutItem',
  UpdateCommand: 'UpdateItem',
  DeleteCommand: 'DeleteItem',
  TransactWriteCommand: 'TransactWriteItems',
};

function writeOf(operation: string, input: Input): Write {
  const condition = {
    ConditionExpression: input['ConditionExpression'] as string | undefined,
    ExpressionAttributeNames: input.ExpressionAttributeNames,
    ExpressionAttributeValues: input.ExpressionAttributeValues,
    ReturnValuesOnConditionCheckFailure: input['ReturnValuesOnConditionCheckFailure'] as string | undefined,
  };
  const key = (input['Key'] ?? input['Item']) as Item;
  switch (operation) {
    case 'PutItem':
      return { ...condition, key, next: () => input['Item'] as Item };
    case 'DeleteItem':
      return { ...condition, key, next: () => null };
    case 'UpdateItem':
      return {
        ...condition,
        key,
        next: (item) => ({
          ...updated(String(input['UpdateExpression']), item ?? {}, input),
          ...key,
        }),
      };
    case 'ConditionCheckItem':
      return { ...condition, key, next: () => undefined };
    default:
      throw new Error(`${operation}: this stand-in has no such write`);
  }
}

function idOf(item: Item): string {
  return JSON.stringify([item['pk'], item['sk']]);
}

/** As it is stored: a copy without what is undefined. */
function storable(item: Item): Item {
  return structuredClone(withoutUndefined(item)) as Item;
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, part]) =>
      part === undefined ? [] : [[name, withoutUndefined(part)]],
    ),
  );
}

function keysOf(item: Item, index: readonly string[]): Item {
  const names = new Set<string>([...tableSchema.key, ...index]);
  return Object.fromEntries([...names].flatMap((name) => (name in item ? [[name, item[name]]] : [])));
}

function byKey(a: Item, b: Item, [, sk = 'sk']: readonly string[]): number {
  const [left, right] = [a[sk] as string, b[sk] as string];
  if (left === right) return idOf(a) < idOf(b) ? -1 : 1;
  return left < right ? -1 : 1;
}

function indexUnits(before: Item | null, after: Item | null): number {
  let units = 0;
  for (const index of Object.values(indexes)) {
    const was = entryOf(before, index);
    const is = entryOf(after, index);
    if (was !== is) units += (was === null ? 0 : 1) + (is === null ? 0 : 1);
  }
  return units;
}

function entryOf(item: Item | null, index: readonly string[]): string | null {
  if (item === null || index.some((name) => item[name] === undefined)) return null;
  return JSON.stringify(index.map((name) => item[name]));
}

/** Names and values. [DynamoDB: item sizes and formats] */
function bytesOf(value: unknown): number {
  if (value === null || value === undefined) return 0;
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
  if (value instanceof Uint8Array) return value.byteLength;
  if (Array.isArray(value)) return 3 + value.reduce((sum: number, part) => sum + 1 + bytesOf(part), 0);
  if (typeof value !== 'object') return 1;
  return Object.entries(value).reduce(
    (sum, [name, part]) => sum + Buffer.byteLength(name) + bytesOf(part),
    0,
  );
}

function never(): never {
  throw new Error('an empty request');
}
