// The tables. An item is JSON in one column; beside it stands what the indexes need, computed at each write
// (../places.ts). Times are REAL, since a deadline may be a fraction of a millisecond.

import type { DatabaseSync } from 'node:sqlite';

/** Each leads from the version before it to its own; the first makes everything. Never changed, only added to. */
const migrations: readonly string[] = [
  `
  CREATE TABLE deployment (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    item TEXT NOT NULL
  ) STRICT;

  CREATE TABLE jobs (
    key TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    item TEXT NOT NULL,
    counted_host TEXT,
    counted_lane TEXT,
    counted_class TEXT,
    created_at REAL NOT NULL,
    is_refused INTEGER NOT NULL,
    due_at REAL,
    dirty_host TEXT,
    dirty_since REAL,
    ended_at REAL
  ) STRICT;
  -- The host stands at its end so that a census reads nothing but this index.
  CREATE INDEX jobs_of_lane ON jobs (counted_lane, counted_class, created_at, key, counted_host)
    WHERE counted_lane IS NOT NULL;
  CREATE INDEX jobs_counted ON jobs (counted_host, key) WHERE counted_host IS NOT NULL;
  CREATE INDEX jobs_refused ON jobs (key) WHERE is_refused = 1;
  CREATE INDEX jobs_due ON jobs (due_at, key) WHERE due_at IS NOT NULL;
  CREATE INDEX jobs_dirty ON jobs (dirty_host, dirty_since, key) WHERE dirty_host IS NOT NULL;
  CREATE INDEX jobs_ended ON jobs (ended_at, key) WHERE ended_at IS NOT NULL;

  CREATE TABLE runners (
    name TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    item TEXT NOT NULL,
    host TEXT NOT NULL,
    pool TEXT NOT NULL,
    lane TEXT,
    counted_class TEXT,
    rank INTEGER NOT NULL,
    rank_at REAL NOT NULL,
    is_gone INTEGER NOT NULL,
    due_at REAL,
    dirty_host TEXT,
    dirty_since REAL,
    ended_at REAL
  ) STRICT;
  CREATE INDEX runners_of_lane ON runners (host, lane, counted_class, rank, rank_at, name)
    WHERE lane IS NOT NULL AND counted_class IS NOT NULL;
  CREATE INDEX runners_standing_by ON runners (host, pool, rank, rank_at, name)
    WHERE lane IS NULL AND counted_class = 'standby';
  CREATE INDEX runners_of_host ON runners (host, name) WHERE (is_gone = 0 OR counted_class IS NOT NULL);
  CREATE INDEX runners_due ON runners (host, due_at, name) WHERE due_at IS NOT NULL;
  CREATE INDEX runners_dirty ON runners (dirty_host, dirty_since, name) WHERE dirty_host IS NOT NULL;
  CREATE INDEX runners_ended ON runners (ended_at, name) WHERE ended_at IS NOT NULL;

  CREATE TABLE lanes (
    host TEXT NOT NULL,
    key TEXT NOT NULL,
    item TEXT NOT NULL,
    pool TEXT NOT NULL,
    queue_alive INTEGER,
    queue_oldest_at REAL,
    time_at REAL,
    PRIMARY KEY (host, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lanes_queue ON lanes (host, pool, queue_alive, queue_oldest_at, key) WHERE queue_alive IS NOT NULL;
  CREATE INDEX lanes_timed ON lanes (host, time_at, key) WHERE time_at IS NOT NULL;

  CREATE TABLE ledgers (
    host TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    item TEXT NOT NULL
  ) STRICT;

  CREATE TABLE controls (
    host TEXT NOT NULL,
    pool TEXT NOT NULL,
    item TEXT NOT NULL,
    recorded_at REAL NOT NULL,
    PRIMARY KEY (host, pool)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE sweeps (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    item TEXT NOT NULL,
    next_at REAL NOT NULL,
    PRIMARY KEY (kind, subject)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sweeps_due ON sweeps (next_at, kind, subject);
  `,
];

/** Brings the database to the newest version; one that a newer release wrote is refused as it is. */
export function migrate(database: DatabaseSync): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    const version = versionOf(database);
    if (version > migrations.length) {
      throw new Error(
        `the database has schema version ${version}, this release knows versions up to ${migrations.length}: ` +
          'run the release that wrote it, or a later one, or give another file',
      );
    }
    for (const migration of migrations.slice(version)) database.exec(migration);
    database.exec(`PRAGMA user_version = ${migrations.length}`);
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'] ?? 0);
}
