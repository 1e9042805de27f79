// The table on AWS, made of the schema that the adapter reads and writes by.

import { CfnTable } from 'aws-cdk-lib/aws-dynamodb';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RemovalPolicy } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { tableSchema } from './schema.ts';

export interface JobsTableProps {
  /** `null`: with a key that DynamoDB owns, which costs nothing. */
  encryptionKey: IKey | null;
  /** Whether it stays when its stack is deleted, and can not be deleted by mistake. */
  retain: boolean;
}

export function createJobsTable(scope: Construct, id: string, props: JobsTableProps): CfnTable {
  const { key, localIndexes, globalIndexes, numbers, timeToLive } = tableSchema;
  const attributes = new Set<string>([...key, ...localIndexes, ...Object.values(globalIndexes).flat()]);
  const table = new CfnTable(scope, id, {
    billingMode: 'PAY_PER_REQUEST',
    keySchema: keySchemaOf(key),
    attributeDefinitions: [...attributes].map((attributeName) => ({
      attributeName,
      attributeType: (numbers as readonly string[]).includes(attributeName) ? 'N' : 'S',
    })),
    localSecondaryIndexes: localIndexes.map((name) => keysOnly(name, [key[0], name])),
    globalSecondaryIndexes: Object.entries(globalIndexes).map(([name, names]) => keysOnly(name, names)),
    streamSpecification: { streamViewType: 'NEW_AND_OLD_IMAGES' },
    timeToLiveSpecification: { attributeName: timeToLive, enabled: true },
    // 20 cents a month for each GB, and the table has a few. What it restores to is a table of another name, so it is
    // for looking into what happened: the system itself heals from an empty one.
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    deletionProtectionEnabled: props.retain,
    ...(props.encryptionKey && {
      sseSpecification: {
        sseEnabled: true,
        sseType: 'KMS',
        kmsMasterKeyId: props.encryptionKey.keyArn,
      },
    }),
  });
  table.applyRemovalPolicy(props.retain ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
  return table;
}

/** Indexes by name, so that nobody may query what comes to be beside them. */
export function indexArns(table: CfnTable): string[] {
  const names = [...tableSchema.localIndexes, ...Object.keys(tableSchema.globalIndexes)];
  return names.map((name) => `${table.attrArn}/index/${name}`);
}

function keySchemaOf(names: readonly string[]) {
  return names.map((attributeName, at) => ({ attributeName, keyType: at === 0 ? 'HASH' : 'RANGE' }));
}

function keysOnly(indexName: string, names: readonly string[]) {
  return { indexName, keySchema: keySchemaOf(names), projection: { projectionType: 'KEYS_ONLY' } };
}
