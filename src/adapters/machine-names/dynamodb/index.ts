// Names of machines, in the table of the deployment: an item for each machine, so that many launches at once meet no
// partition that is theirs together.
//
//   pk M#<machine>   sk M   names (the newest first), expires

import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { BatchGetCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { MachineId, RunnerName } from '../../../core/ids.ts';
import {
  type MachineNames,
  machineNameKeptMs,
  type NamesOfMachine,
  namesAfter,
} from '../../../ports/machine-names.ts';

export interface DynamoDbMachineNamesOptions {
  client: DynamoDBDocumentClient;
  tableName: string;
}

/** What one request may ask for. [DynamoDB: BatchGetItem] */
const keysMax = 100;
/** Of one batch, where the table answers for a part of it alone. */
const triesMax = 8;
/** Somebody else gave it a name between the look and the write: with a spare and its runner, once. */
const writesMax = 3;

export function createDynamoDbMachineNames(options: DynamoDbMachineNamesOptions): MachineNames {
  const { client, tableName } = options;

  async function batch(machines: readonly MachineId[], found: Map<MachineId, NamesOfMachine>): Promise<void> {
    let keys: Record<string, unknown>[] = machines.map(keyOf);
    for (let tries = 0; keys.length > 0; tries += 1) {
      if (tries === triesMax)
        throw new Error(`the table did not answer for ${keys.length} names of machines: it is throttled`);
      const { Responses, UnprocessedKeys } = await client.send(
        new BatchGetCommand({ RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } } }),
      );
      for (const item of Responses?.[tableName] ?? [])
        found.set(String(item['pk']).slice(2) as MachineId, namesIn(item));
      keys = UnprocessedKeys?.[tableName]?.Keys ?? [];
    }
  }

  async function namesOf(machines: readonly MachineId[]): Promise<Map<MachineId, NamesOfMachine>> {
    const found = new Map<MachineId, NamesOfMachine>();
    const wanted = [...new Set(machines)];
    for (let from = 0; from < wanted.length; from += keysMax)
      await batch(wanted.slice(from, from + keysMax), found);
    return found;
  }

  return {
    namesOf,
    async remember(machine, name, instead, now) {
      // A first name is written without a look: nobody else gives one, mostly.
      let names: NamesOfMachine = instead === null ? [] : ((await namesOf([machine])).get(machine) ?? []);
      for (let writes = 0; writes < writesMax; writes += 1) {
        const after = namesAfter(names, name, instead);
        if (after === null) return names;
        const seen = names;
        const command = new UpdateCommand({
          TableName: tableName,
          Key: keyOf(machine),
          UpdateExpression: 'SET #names = :after, expires = :expires',
          ConditionExpression: seen.length === 0 ? 'attribute_not_exists(pk)' : '#names = :seen',
          ExpressionAttributeNames: { '#names': 'names' },
          ExpressionAttributeValues: {
            ':after': after,
            ':expires': Math.ceil((now + machineNameKeptMs) / 1000),
            ...(seen.length > 0 && { ':seen': seen }),
          },
        });
        try {
          await client.send(command);
          return after;
        } catch (error) {
          if (!(error instanceof ConditionalCheckFailedException)) throw error;
        }
        names = (await namesOf([machine])).get(machine) ?? [];
      }
      throw new Error(`machine ${machine} changes its name too often to be called ${name}`);
    },
  };
}

function keyOf(machine: MachineId): { pk: string; sk: string } {
  return { pk: `M#${machine}`, sk: 'M' };
}

function namesIn(item: Record<string, unknown>): RunnerName[] {
  const names = item['names'];
  return Array.isArray(names) ? names.map((name) => String(name) as RunnerName) : [];
}
