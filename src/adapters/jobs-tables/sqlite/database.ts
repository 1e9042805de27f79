import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** Another process may hold the file for a moment (a backup, a look from the command line): no reason to fail. */
const busyMsMax = 5_000;

/** What SQLite keeps of the file in memory: enough for every page that a busy deployment touches again and again. */
const cacheKiB = 32 * 1024;

/**
 * The key of the claims' tokens is in it, and jobs may run as other users of the machine, who pass through its folder.
 * SQLite gives its other files (`-wal`, `-shm`) the mode of this one.
 */
const ownersOnly = 0o600;

const inMemory = ':memory:';

/**
 * Opens the file, or makes it. A write-ahead log with a sync at each commit: what was acknowledged survives the
 * loss of the process and of power. `:memory:` is for tests.
 */
export function openDatabase(file: string): DatabaseSync {
  const database = open(file);
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -${cacheKiB};
  `);
  return database;
}

function open(file: string): DatabaseSync {
  try {
    // Made here, where it is missing: SQLite would make it readable for everybody.
    if (file !== inMemory) closeSync(openSync(file, 'a', ownersOnly));
    return new DatabaseSync(file, { timeout: busyMsMax });
  } catch (error) {
    throw new Error(
      `the database ${file} can't be opened: its folder has to exist, and both have to be writable by this user`,
      { cause: error },
    );
  }
}
