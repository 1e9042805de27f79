// What the jobs tables do in a second, with an empty backlog and with a long one: work may not grow with the backlog.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMemoryJobsTable } from '../src/adapters/jobs-tables/memory/index.ts';
import { createSqliteJobsTable } from '../src/adapters/jobs-tables/sqlite/index.ts';
import type { Job } from '../src/core/job.ts';
import type { JobsTable } from '../src/ports/jobs-table.ts';
import { deadlinesOfContract as deadlines } from '../src/ports/jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aLane,
  aLedger,
  aRunner,
  counted,
  hostA,
  lint,
  lintLane,
  seen,
  startMs,
} from '../src/ports/testing.ts';

const backlogs = [100, 100_000];
const measureMs = 1_000;
/** A commit of one lane: the ledger, its three items, a job and a runner for each place. */
const pairsPerCommit = 45;
const writers = 100;

const folder = mkdtempSync(join(tmpdir(), 'bench-jobs-tables-'));
process.on('exit', () => rmSync(folder, { recursive: true }));

const options = { deadlines, onChanges: () => {} };
const tables: Record<string, (name: string) => JobsTable & { close?(): void }> = {
  memory: () => createMemoryJobsTable(options),
  'SQLite in memory': () => createSqliteJobsTable({ ...options, database: ':memory:' }),
  'SQLite in a file': (name) =>
    createSqliteJobsTable({ ...options, database: join(folder, `${name}.sqlite`) }),
};

for (const [name, createTable] of Object.entries(tables))
  for (const backlog of backlogs) {
    const table = createTable(`${backlog}`);
    await fill(table, backlog);
    let id = 1_000_000;
    let version = (await table.readLedger(hostA))?.version ?? 0;
    const record = async (): Promise<Job> => {
      id += 1;
      const recorded = await table.recordJob(aJobKey(id), [seen(id)], startMs);
      return recorded.job as Job;
    };
    const recordMany = (jobs: number): Promise<Job[]> => Promise.all(Array.from({ length: jobs }, record));
    const items = Array.from({ length: pairsPerCommit }, (_, i) => ({
      kind: 'job' as const,
      key: aJobKey(i),
    }));

    console.log(`\n${name}, ${backlog} jobs waiting`);
    await measure('record a job, one at a time', 1, record);
    await measure(`record a job, ${writers} at once`, writers, () => recordMany(writers));
    await measure('a census', 1, () => table.census(hostA));
    const batches: Job[][] = [];
    for (let i = 0; i < 400; i += 1) batches.push(await recordMany(pairsPerCommit));
    await measure(`commit ${pairsPerCommit} jobs and as many new runners`, 1, async () => {
      const batch = batches.pop();
      if (batch === undefined) return false;
      const answer = await table.commit(
        aCommit(version, {
          ledger: aLedger(hostA, version + 1),
          lanes: [aLane({ fresh: backlog, coming: version, oldestAt: startMs })],
          jobs: batch.map((job) => counted(job, 'ordered')),
          runnersNew: batch.map((job) => aRunner(job.id, { forJob: job.key })),
        }),
      );
      if (answer.outcome !== 'committed') throw new Error(`the commit was not written: ${answer.outcome}`);
      version += 1;
      return true;
    });
    await measure(`books of ${pairsPerCommit} jobs`, 1, () =>
      table.books(hostA, { items, pools: [lint], queueMax: 30, timedMax: 30 }),
    );
    await measure('the 30 oldest jobs of a lane', 1, () => table.jobsOfLane(lintLane, 'fresh', 30));
    await measure('the 30 oldest uncounted items', 1, () => table.uncounted(hostA, startMs + 1, 30));
    table.close?.();
  }

async function fill(table: JobsTable, jobs: number): Promise<void> {
  const perCommit = 90;
  for (let first = 0; first < jobs; first += perCommit) {
    const ids = Array.from({ length: Math.min(perCommit, jobs - first) }, (_, i) => first + i);
    const recorded = await Promise.all(ids.map((id) => table.recordJob(aJobKey(id), [seen(id)], startMs)));
    const version = (await table.readLedger(hostA))?.version ?? 0;
    await table.commit(
      aCommit(version, {
        ledger: aLedger(hostA, version + 1),
        lanes: [aLane({ fresh: first, oldestAt: startMs })],
        jobs: recorded.map(({ job }) => counted(job as Job, 'fresh')),
      }),
    );
  }
}

/**
 * Runs the task again and again for a while, or until it answers false. The processor's time is of this process alone:
 * where it stays level and the rest does not, others used the machine.
 */
async function measure(what: string, operations: number, task: () => Promise<unknown>): Promise<void> {
  const times: number[] = [];
  const startedAt = performance.now();
  const usedBefore = process.cpuUsage();
  for (let now = startedAt; now < startedAt + measureMs; ) {
    if ((await task()) === false) break;
    const then = performance.now();
    times.push(then - now);
    now = then;
  }
  const { user, system } = process.cpuUsage(usedBefore);
  times.sort((a, b) => a - b);
  const sumMs = times.reduce((sum, ms) => sum + ms, 0);
  const perSecond = Math.round((times.length * operations * 1_000) / sumMs);
  const at = (share: number) => (times[Math.floor(times.length * share)] ?? 0).toFixed(3);
  const processorMs = ((user + system) / 1_000 / times.length).toFixed(3);
  console.log(
    `  ${what.padEnd(42)} ${String(perSecond).padStart(8)}/s  p50 ${at(0.5)} ms  p99 ${at(0.99)} ms  processor ${processorMs} ms`,
  );
}
