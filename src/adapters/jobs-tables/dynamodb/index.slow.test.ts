import { after, describe, test } from 'node:test';
import { canBuildDynoxide, startDynoxide } from '../../../../scripts/dynoxide.ts';
import type { Emulator } from '../../../../scripts/emulator.ts';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import { type CreateJobsTableFixture, jobsTableContract } from '../../../ports/jobs-table.contract.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSystemRandom } from '../../clock/system/random.ts';
import { createDynamoDbClient, createDynamoDbJobsTable } from './index.ts';
import {
  createStreamPoller,
  createTable,
  deleteExpired,
  deleteTable,
  emulatorConfig,
  eventually,
} from './testing.ts';

const clock = createSystemClock();
const random = createSystemRandom();
/** Not in these tests' time: the fixture deletes what expires. */
const keepMs = 8 * 24 * 60 * 60_000;

/** One emulator for all tests, started by the first, with a table for each. */
function fixturesOn(start: () => Promise<Emulator>): CreateJobsTableFixture {
  let emulator: Promise<Emulator> | null = null;
  let tables = 0;
  after(async () => (await emulator)?.stop());

  return async ({ deadlines, onChanges }) => {
    emulator ??= start();
    const config = emulatorConfig((await emulator).endpoint);
    const client = createDynamoDbClient(config);
    tables += 1;
    const tableName = `runs-${tables}`;
    const stream = createStreamPoller(config, await createTable(client, tableName), onChanges);
    const table = createDynamoDbJobsTable({ client, tableName, clock, random, deadlines, keepMs });
    return {
      table: { ...table, purge: (before, limit) => deleteExpired(client, tableName, before, limit) },
      eventually: (check) => eventually(clock, stream.poll, check),
      async end() {
        await deleteTable(client, tableName);
        stream.close();
        client.destroy();
      },
      manyJobs: 500,
    };
  };
}

describe('DynamoDB on MiniStack', () =>
  jobsTableContract('DynamoDB (MiniStack)', fixturesOn(startMiniStack)));

describe('DynamoDB on dynoxide', () => {
  if (canBuildDynoxide()) jobsTableContract('DynamoDB (dynoxide)', fixturesOn(startDynoxide));
  else
    test('the contract', {
      skip: 'dynoxide is built with cargo, which is not on the PATH: https://rustup.rs',
    });
});
