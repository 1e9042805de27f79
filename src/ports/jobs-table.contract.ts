import { commitContract } from './jobs-table.commit.contract.ts';
import { factContract } from './jobs-table.fact.contract.ts';
import { lookUpContract } from './jobs-table.look-up.contract.ts';
import type { CreateJobsTableFixture } from './jobs-table.world.contract.ts';

export type { CreateJobsTableFixture } from './jobs-table.world.contract.ts';

/** What every jobs table does. */
export function jobsTableContract(name: string, createFixture: CreateJobsTableFixture): void {
  factContract(name, createFixture);
  commitContract(name, createFixture);
  lookUpContract(name, createFixture);
}
