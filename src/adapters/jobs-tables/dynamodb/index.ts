// The jobs table on DynamoDB: any number of processes write it. schema.ts has its keys and what they cost, changes.ts
// what its stream tells.

import type { Lane, Ledger } from '../../../core/ledger.ts';
import type { JobsTable } from '../../../ports/jobs-table.ts';
import { type AccessOptions, createAccess } from './access.ts';
import { createBooks } from './books.ts';
import { createCommits } from './commit.ts';
import { createDeployments } from './deployment.ts';
import { createFacts } from './facts.ts';
import { createLanesRead } from './lanes-read.ts';
import { jobOf, runnerOf } from './late.ts';
import { createLookUps } from './look-ups.ts';
import { itemOf } from './pack.ts';
import { createRows, type RowOptions } from './rows.ts';
import { jobRowKey, laneRowKey, ledgerRowKey, type Row, type RowKey, runnerRowKey } from './schema.ts';
import { createSweeps } from './sweeps.ts';

export { createDynamoDbClient } from './client.ts';

export interface DynamoDbJobsTableOptions extends AccessOptions, RowOptions {}

export function createDynamoDbJobsTable(options: DynamoDbJobsTableOptions): JobsTable {
  const access = createAccess(options);
  const rows = createRows(options);
  const lanesRead = createLanesRead();
  const facts = createFacts(access, rows);
  const { hostRows, books, census, runnersOfHost } = createBooks(access, lanesRead);

  async function read<Item>(key: RowKey | null, of: (row: Row) => Item): Promise<Item | null> {
    const row = key && (await access.get(key));
    return row && of(row);
  }

  return {
    deployment: createDeployments(access),
    ...facts,
    readJob: (key) => read(jobRowKey(key), jobOf),
    readRunner: (name) => read(runnerRowKey(name), runnerOf),
    readLane: (host, key) => read(laneRowKey(host, key), itemOf<Lane>),
    readLedger: (host) => read(ledgerRowKey(host), itemOf<Ledger>),
    books,
    census,
    commit: createCommits(access, rows, lanesRead),
    ...createLookUps(access, hostRows),
    runnersOfHost,
    ...createSweeps(access),
    /** DynamoDB deletes what has ended by itself, for nothing, some time after it `expires`. */
    purge: async () => 0,
  };
}
