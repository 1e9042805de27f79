// Random histories, run on each table that lives in this process and on the model (testing.ts). Steps of one batch are
// begun at once, as by several writers.

import { test } from 'node:test';
import fc from 'fast-check';
import type { Change, JobsTable } from '../../ports/jobs-table.ts';
import { deadlinesOfContract as deadlines } from '../../ports/jobs-table.world.contract.ts';
import { createMemoryJobsTable } from './memory/index.ts';
import { createSqliteJobsTable } from './sqlite/index.ts';
import { aHistory, runHistory } from './testing.ts';

const tables: Record<string, (onChanges: (changes: Change[]) => void) => JobsTable & { close?(): void }> = {
  memory: (onChanges) => createMemoryJobsTable({ deadlines, onChanges, freeze: true }),
  SQLite: (onChanges) => createSqliteJobsTable({ deadlines, onChanges, database: ':memory:' }),
};

for (const [name, createTable] of Object.entries(tables)) {
  test(`${name}: any history gives the answers, items and look-ups of the model`, async () => {
    await fc.assert(
      fc.asyncProperty(aHistory(25), async (batches) => {
        const told: Change[] = [];
        const table = createTable((changes) => told.push(...changes));
        await runHistory(batches, { table, told: async () => told, tellsJustThat: true, atOnce: true });
        table.close?.();
      }),
      { numRuns: 300 },
    );
  });
}
