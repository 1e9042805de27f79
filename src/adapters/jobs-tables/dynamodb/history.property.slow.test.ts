// Random histories on DynamoDB and on the model that all tables are held to. One step after the other: which of several
// that are begun at once comes first is DynamoDB's choice.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { canBuildDynoxide, startDynoxide } from '../../../../scripts/dynoxide.ts';
import { startMiniStack } from '../../../../scripts/ministack.ts';
import type { Change } from '../../../ports/jobs-table.ts';
import { deadlinesOfContract as deadlines, withoutHint } from '../../../ports/jobs-table.world.contract.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSystemRandom } from '../../clock/system/random.ts';
import { aHistory, runHistory } from '../testing.ts';
import { createDynamoDbClient, createDynamoDbJobsTable } from './index.ts';
import { comparable, createStreamPoller, createTable, deleteTable, emulatorConfig } from './testing.ts';

/** dynoxide is quick and strict; MiniStack is what there is without a Rust tool chain. */
const start = canBuildDynoxide() ? startDynoxide : startMiniStack;
const clock = createSystemClock();
const random = createSystemRandom();

describe('histories on DynamoDB', () => {
  let started: ReturnType<typeof start> | null = null;
  let tables = 0;
  after(async () => (await started)?.stop());

  test('any history gives the answers, items and look-ups of the model', async () => {
    started ??= start();
    const config = emulatorConfig((await started).endpoint);
    const client = createDynamoDbClient(config);
    await fc.assert(
      fc.asyncProperty(aHistory(12), async (batches) => {
        tables += 1;
        const tableName = `histories-${tables}`;
        const told: Change[] = [];
        const stream = createStreamPoller(config, await createTable(client, tableName), (changes) =>
          told.push(...changes.map(withoutHint)),
        );
        const table = createDynamoDbJobsTable({
          ...{ client, tableName, clock, random, deadlines },
          keepMs: 8 * 24 * 60 * 60_000,
        });
        // What has expired is deleted by DynamoDB, when it likes.
        const steps = batches.map((batch) => batch.filter(({ kind }) => kind !== 'purge'));
        await runHistory(steps, {
          table,
          atOnce: false,
          tellsJustThat: false,
          comparable,
          told: async () => {
            await stream.poll();
            return told;
          },
        });
        stream.close();
        await deleteTable(client, tableName);
      }),
      { numRuns: 25 },
    );
    client.destroy();
    assert.ok(tables >= 25);
  });
});
