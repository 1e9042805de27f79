// Rows of jobs.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { HostName, JobKey, LaneKey } from '../../../core/ids.ts';
import type { Job, JobClass } from '../../../core/job.ts';
import type { Deadlines, ItemKey } from '../../../ports/jobs-table.ts';
import { type JobPlaces, jobPlaces } from '../places.ts';
import { keyList, keysInOrder, parseItem, select, selectItems } from './statements.ts';

/** A job as it is stored; `dueAt` may still be by an older configuration. */
export interface JobRow {
  job: Job;
  dueAt: number | null;
}

/** A look at an index that has no key to go on after begins before every key. */
const beforeAll = '';

export function createJobRows(database: DatabaseSync, deadlines: Deadlines) {
  const byKey = select(database, 'SELECT item, due_at FROM jobs WHERE key = ?');
  const versions = select(
    database,
    `SELECT jobs.key, version FROM ${keysInOrder} CROSS JOIN jobs ON jobs.key = asked.value`,
  );
  const insert = database.prepare(
    `INSERT INTO jobs (version, item, counted_host, counted_lane, counted_class, created_at, is_refused, due_at,
      dirty_host, dirty_since, ended_at, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const update = database.prepare(
    `UPDATE jobs SET version = ?, item = ?, counted_host = ?, counted_lane = ?, counted_class = ?, created_at = ?,
      is_refused = ?, due_at = ?, dirty_host = ?, dirty_since = ?, ended_at = ? WHERE key = ?`,
  );
  const updateInPlace = database.prepare('UPDATE jobs SET version = ?, item = ? WHERE key = ?');
  const laneCounts = select(
    database,
    `SELECT counted_lane, counted_class, count(*) FROM jobs INDEXED BY jobs_of_lane
      WHERE counted_lane IS NOT NULL AND counted_host = ? GROUP BY counted_lane, counted_class`,
  );
  const dirty = select(
    database,
    'SELECT key, dirty_since FROM jobs WHERE dirty_host = ? AND dirty_since < ? ORDER BY dirty_since, key LIMIT ?',
  );
  const due = select(database, 'SELECT key FROM jobs WHERE due_at <= ? ORDER BY due_at, key LIMIT ?');
  const deleteEnded = database.prepare(
    'DELETE FROM jobs WHERE key IN (SELECT key FROM jobs WHERE ended_at < ? ORDER BY ended_at, key LIMIT ?)',
  );
  const refused = selectItems<Job>(
    database,
    'SELECT item FROM jobs WHERE is_refused = 1 AND key > ? ORDER BY key LIMIT ?',
  );
  const counted = selectItems<Job>(
    database,
    'SELECT item FROM jobs WHERE counted_host = ? AND key > ? ORDER BY key LIMIT ?',
  );

  /** Counts of each lane, by class. */
  function countsOfHost(host: HostName): Map<LaneKey, Record<JobClass, number>> {
    const lanes = new Map<LaneKey, Record<JobClass, number>>();
    for (const [lane, jobClass, jobs] of laneCounts.all(host)) {
      const counts = lanes.get(lane as LaneKey) ?? { fresh: 0, ordered: 0, orphaned: 0, held: 0 };
      counts[jobClass as JobClass] = Number(jobs);
      lanes.set(lane as LaneKey, counts);
    }
    return lanes;
  }

  return {
    row(key: JobKey): JobRow | null {
      const row = byKey.first(key);
      return row && { job: parseItem<Job>(row[0]), dueAt: row[1] as number | null };
    },

    insert: (job: Job) => void insert.run(...columnsOf(job, jobPlaces(job, deadlines))),
    update: (job: Job) => void update.run(...columnsOf(job, jobPlaces(job, deadlines))),

    /** Leaves the indexes alone where the job stays in its places, as it does for most facts. */
    replace(before: JobRow, job: Job): void {
      const places = jobPlaces(job, deadlines);
      const placesBefore = { ...jobPlaces(before.job, deadlines), dueAt: before.dueAt };
      if (isSamePlace(placesBefore, places)) updateInPlace.run(job.version, JSON.stringify(job), job.key);
      else update.run(...columnsOf(job, places));
    },

    versions: (keys: Iterable<JobKey>) =>
      new Map(versions.all(keyList(keys)).map(([key, version]) => [key as JobKey, Number(version)])),

    byKeys: selectItems<Job>(
      database,
      `SELECT item FROM ${keysInOrder} CROSS JOIN jobs ON jobs.key = asked.value`,
    ),
    ofLane: selectItems<Job>(
      database,
      `SELECT item FROM jobs WHERE counted_lane = ? AND counted_class = ? ORDER BY created_at, key LIMIT ?`,
    ),
    refused: (after: JobKey | null, limit: number) => refused(after ?? beforeAll, limit),
    counted: (host: HostName, after: JobKey | null, limit: number) =>
      counted(host, after ?? beforeAll, limit),
    countsOfHost,

    uncounted: (host: HostName, before: number, limit: number): { item: ItemKey; since: number }[] =>
      dirty.all(host, before, limit).map(([key, since]) => ({
        item: { kind: 'job', key: key as JobKey },
        since: Number(since),
      })),

    due: (now: number, limit: number) => due.all(now, limit).map(([key]) => key as JobKey),
    deleteEnded: (before: number, limit: number) => Number(deleteEnded.run(before, limit).changes),
  };
}

/** In the order of the statements above. */
function columnsOf(job: Job, places: JobPlaces): SQLInputValue[] {
  return [
    job.version,
    JSON.stringify(job),
    places.countedHost,
    places.countedLane,
    places.countedClass,
    places.createdAt,
    places.isRefused ? 1 : 0,
    places.dueAt,
    places.dirtyHost,
    places.dirtySince,
    places.endedAt,
    job.key,
  ];
}

function isSamePlace(a: JobPlaces, b: JobPlaces): boolean {
  return (
    a.countedHost === b.countedHost &&
    a.countedLane === b.countedLane &&
    a.countedClass === b.countedClass &&
    a.createdAt === b.createdAt &&
    a.isRefused === b.isRefused &&
    a.dueAt === b.dueAt &&
    a.dirtyHost === b.dirtyHost &&
    a.dirtySince === b.dirtySince &&
    a.endedAt === b.endedAt
  );
}
