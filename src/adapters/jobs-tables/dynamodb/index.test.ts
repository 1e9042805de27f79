// The contract on the stand-in in memory, so that it is held to what the emulators do, and is there in each fast run.

import { describe } from 'node:test';
import { jobsTableContract } from '../../../ports/jobs-table.contract.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSystemRandom } from '../../clock/system/random.ts';
import { changesOf } from './changes.ts';
import { createDynamoDbJobsTable } from './index.ts';
import type { Row } from './schema.ts';
import { endOf } from './testing.ts';
import { createMemoryDynamoDb } from './testing-memory.ts';

describe('DynamoDB in memory', () =>
  jobsTableContract('DynamoDB (in memory)', async ({ deadlines, onChanges }) => {
    const store = createMemoryDynamoDb({
      onRecords: (records) => {
        const changes = records.flatMap(changesOf);
        if (changes.length > 0) queueMicrotask(() => onChanges(changes));
      },
    });
    const table = createDynamoDbJobsTable({
      client: store.client(),
      tableName: 'runs',
      clock: createSystemClock(),
      random: createSystemRandom(),
      deadlines,
      keepMs: 8 * 24 * 60 * 60_000,
    });
    return {
      table: {
        ...table,
        async purge(before, limit) {
          const expired = [...store.items].filter(
            ([, row]) => row['expires'] !== undefined && (endOf(row as unknown as Row) ?? before) < before,
          );
          for (const [id] of expired.slice(0, limit)) store.items.delete(id);
          return Math.min(expired.length, limit);
        },
      },
      eventually: (check) => check(),
      end: async () => {},
      manyJobs: 500,
    };
  }));
