import { after, describe } from 'node:test';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { budgetsContract } from '../../../ports/budgets.contract.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSystemRandom } from '../../clock/system/random.ts';
import { createDynamoDbClient } from '../../jobs-tables/dynamodb/index.ts';
import { createTable, emulatorConfig } from '../../jobs-tables/dynamodb/testing.ts';
import { createDynamoDbBudgets } from './index.ts';

const clock = createSystemClock();
const random = createSystemRandom();

describe('budgets in DynamoDB', () => {
  let started: ReturnType<typeof startMiniStack> | null = null;
  let tables = 0;
  after(async () => (await started)?.stop());

  budgetsContract('on MiniStack', async () => {
    started ??= startMiniStack();
    const client = createDynamoDbClient(emulatorConfig((await started).endpoint));
    after(() => client.destroy());
    tables += 1;
    const tableName = `budgets-${tables}`;
    await createTable(client, tableName);
    return createDynamoDbBudgets({ client, tableName, clock, random });
  });
});
