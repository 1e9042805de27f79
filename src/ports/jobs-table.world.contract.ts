// What the parts of the jobs table's contract stand on: a fresh table, and a Publisher that writes what it is told.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Commit } from '../core/commit.ts';
import { jobDeadline } from '../core/deadline.ts';
import type { HostName } from '../core/ids.ts';
import type { Job, JobFact } from '../core/job.ts';
import type { Runner, RunnerFact } from '../core/runner.ts';
import type { Books, BooksRequest, Change, Deadlines, JobsTable } from './jobs-table.ts';
import { aCommit, aLedger, hostA, startMs } from './testing.ts';

interface JobsTableFixture {
  table: JobsTable;
  /** Passes when `check` does. Lets time pass for indexes and streams, and checks again; fails when it never does. */
  eventually(check: () => Promise<void>): Promise<void>;
  end(): Promise<void>;
  /** With how many waiting jobs it is tried, where ten thousand take an emulator minutes. */
  manyJobs?: number;
}

interface JobsTableGiven {
  deadlines: Deadlines;
  onChanges: (changes: Change[]) => void;
}

/** A table that nothing was ever written to. */
export type CreateJobsTableFixture = (given: JobsTableGiven) => Promise<JobsTableFixture>;

/** A runner is due when its order is void, so that a test can say when that is. */
export const deadlinesOfContract: Deadlines = {
  ofRunner: (runner) => (runner.state === 'gone' ? null : runner.launchBefore),
  ofJob: (job) => jobDeadline(job)?.at ?? null,
};

/** What a table tells of an item beside its key helps, and is no part of what it has to tell. */
export function withoutHint({ host, item }: Change): Change {
  return { host, item: item.kind === 'job' ? { kind: 'job', key: item.key } : item };
}

export interface World extends JobsTableFixture {
  /** What the stream has told so far. */
  told: Change[];
  /** Called for each of them, when it is told. */
  listeners: ((change: Change) => void)[];
  /** Records facts of which at least one has to be new. */
  job(id: number, ...facts: JobFact[]): Promise<Job>;
  runner(name: Runner['name'], ...facts: RunnerFact[]): Promise<Runner>;
  /** Commits as the host's only Publisher. */
  publish(given: Partial<Commit>): Promise<void>;
  books(given?: Partial<BooksRequest>, host?: HostName): Promise<Books>;
}

export type Contract = (says: string, run: (world: World) => Promise<void>) => void;

export function contractOf(name: string, createFixture: CreateJobsTableFixture): Contract {
  return (says, run) => {
    test(`${name}: ${says}`, async () => {
      const told: Change[] = [];
      const listeners: ((change: Change) => void)[] = [];
      const onChanges = (changes: Change[]): void => {
        told.push(...changes.map(withoutHint));
        for (const change of changes) for (const listener of listeners) listener(change);
      };
      const fixture = await createFixture({ deadlines: deadlinesOfContract, onChanges });
      try {
        await run(worldOf(fixture, told, listeners));
      } finally {
        await fixture.end();
      }
    });
  };
}

function worldOf(fixture: JobsTableFixture, told: Change[], listeners: World['listeners']): World {
  const { table } = fixture;
  return {
    ...fixture,
    told,
    listeners,

    async job(id, ...facts) {
      const recorded = await table.recordJob(`github.com#${id}` as Job['key'], facts, startMs);
      assert.equal(recorded.outcome, 'recorded');
      return recorded.job as Job;
    },

    async runner(name, ...facts) {
      const recorded = await table.recordRunner(name, facts, startMs);
      assert.equal(recorded.outcome, 'recorded', JSON.stringify(recorded));
      return (recorded as { runner: Runner }).runner;
    },

    async publish(given) {
      const host = given.host ?? hostA;
      const version = (await table.readLedger(host))?.version ?? 0;
      const commit = aCommit(version, { ledger: aLedger(host, version + 1), ...given });
      assert.deepEqual(await table.commit(commit), { outcome: 'committed' });
    },

    books: (given = {}, host = hostA) =>
      table.books(host, { items: [], pools: [], queueMax: 10, timedMax: 10, ...given }),
  };
}
