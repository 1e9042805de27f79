import { after, describe } from 'node:test';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { offersContract } from '../../../ports/offers.contract.ts';
import { createDynamoDbClient } from '../../jobs-tables/dynamodb/index.ts';
import { createTable, emulatorConfig } from '../../jobs-tables/dynamodb/testing.ts';
import { createDynamoDbOffers } from './index.ts';

describe('offers in DynamoDB', () => {
  let started: ReturnType<typeof startMiniStack> | null = null;
  let tables = 0;
  after(async () => (await started)?.stop());

  offersContract('on MiniStack', async () => {
    started ??= startMiniStack();
    const client = createDynamoDbClient(emulatorConfig((await started).endpoint));
    after(() => client.destroy());
    tables += 1;
    const tableName = `offers-${tables}`;
    await createTable(client, tableName);
    return createDynamoDbOffers({ client, tableName });
  });
});
