// Random histories on DynamoDB in memory and on the model that all tables are held to. What the indexes know of an item
// is compared after each batch with what they know of one that was packed anew: a fact that was added without a read has
// to leave them as an ordinary write would.

import { test } from 'node:test';
import fc from 'fast-check';
import type { Change } from '../../../ports/jobs-table.ts';
import { deadlinesOfContract as deadlines, withoutHint } from '../../../ports/jobs-table.world.contract.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSystemRandom } from '../../clock/system/random.ts';
import { aHistory, runHistory } from '../testing.ts';
import { changesOf } from './changes.ts';
import { createDynamoDbJobsTable } from './index.ts';
import type { Row } from './schema.ts';
import { assertPackedAnew, comparable } from './testing.ts';
import { createMemoryDynamoDb } from './testing-memory.ts';

const keepMs = 8 * 24 * 60 * 60_000;

test('any history gives the answers, items, look-ups and indexes of the model', async () => {
  await fc.assert(
    fc.asyncProperty(aHistory(20), async (batches) => {
      const told: Change[] = [];
      const store = createMemoryDynamoDb({
        onRecords: (records) => told.push(...records.flatMap(changesOf).map(withoutHint)),
      });
      const client = store.client();
      const options = { tableName: 'runs', clock: createSystemClock(), random: createSystemRandom() };
      const table = createDynamoDbJobsTable({ ...options, client, deadlines, keepMs });
      // What has expired is deleted by DynamoDB, when it likes.
      const steps = batches.map((batch) => batch.filter(({ kind }) => kind !== 'purge'));
      await runHistory(steps, {
        table,
        atOnce: false,
        tellsJustThat: false,
        comparable,
        async told() {
          for (const row of store.items.values())
            assertPackedAnew(row as unknown as Row, { deadlines, keepMs });
          return told;
        },
      });
    }),
    { numRuns: 60 },
  );
});
