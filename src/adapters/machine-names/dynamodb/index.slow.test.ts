import { after, describe } from 'node:test';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { machineNamesContract } from '../../../ports/machine-names.contract.ts';
import { createDynamoDbClient } from '../../jobs-tables/dynamodb/index.ts';
import { createTable, emulatorConfig } from '../../jobs-tables/dynamodb/testing.ts';
import { createDynamoDbMachineNames } from './index.ts';

describe('names of machines in DynamoDB', () => {
  let started: ReturnType<typeof startMiniStack> | null = null;
  let tables = 0;
  after(async () => (await started)?.stop());

  machineNamesContract('on MiniStack', async () => {
    started ??= startMiniStack();
    const client = createDynamoDbClient(emulatorConfig((await started).endpoint));
    after(() => client.destroy());
    tables += 1;
    const tableName = `machine-names-${tables}`;
    await createTable(client, tableName);
    return createDynamoDbMachineNames({ client, tableName });
  });
});
