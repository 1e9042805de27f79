// Rows of runners.

import type { DatabaseSync, SQLInputValue } from 'node:sqlite';
import type { HostName, RunnerName } from '../../../core/ids.ts';
import { asStored, type Runner } from '../../../core/runner.ts';
import type { Deadlines, ItemKey } from '../../../ports/jobs-table.ts';
import { type RunnerPlaces, runnerPlaces } from '../places.ts';
import { keyList, keysInOrder, parseItem, select, selectItems } from './statements.ts';

/** A runner as it is stored; `dueAt` may still be by an older configuration. */
export interface RunnerRow {
  runner: Runner;
  dueAt: number | null;
}

export function createRunnerRows(database: DatabaseSync, deadlines: Deadlines) {
  const byName = select(database, 'SELECT item, due_at FROM runners WHERE name = ?');
  const versions = select(
    database,
    `SELECT name, version FROM ${keysInOrder} CROSS JOIN runners ON runners.name = asked.value`,
  );
  const insert = database.prepare(
    `INSERT INTO runners (version, item, host, pool, lane, counted_class, rank, rank_at, is_gone, due_at,
      dirty_host, dirty_since, ended_at, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const update = database.prepare(
    `UPDATE runners SET version = ?, item = ?, host = ?, pool = ?, lane = ?, counted_class = ?, rank = ?, rank_at = ?,
      is_gone = ?, due_at = ?, dirty_host = ?, dirty_since = ?, ended_at = ? WHERE name = ?`,
  );
  const updateInPlace = database.prepare('UPDATE runners SET version = ?, item = ? WHERE name = ?');
  const dirty = select(
    database,
    'SELECT name, dirty_since FROM runners WHERE dirty_host = ? AND dirty_since < ? ORDER BY dirty_since, name LIMIT ?',
  );
  const due = select(
    database,
    'SELECT name FROM runners WHERE host = ? AND due_at <= ? ORDER BY due_at, name LIMIT ?',
  );
  const deleteEnded = database.prepare(
    'DELETE FROM runners WHERE name IN (SELECT name FROM runners WHERE ended_at < ? ORDER BY ended_at, name LIMIT ?)',
  );

  const selectRunners = (sql: string) => {
    const items = selectItems<Runner>(database, sql);
    return (...values: SQLInputValue[]): Runner[] => items(...values).map(asStored);
  };

  return {
    row(name: RunnerName): RunnerRow | null {
      const row = byName.first(name);
      return row && { runner: asStored(parseItem<Runner>(row[0])), dueAt: row[1] as number | null };
    },

    insert: (runner: Runner) => void insert.run(...columnsOf(runner, runnerPlaces(runner, deadlines))),
    update: (runner: Runner) => void update.run(...columnsOf(runner, runnerPlaces(runner, deadlines))),

    /** Leaves the indexes alone where the runner stays in its places. */
    replace(before: RunnerRow, runner: Runner): void {
      const places = runnerPlaces(runner, deadlines);
      const placesBefore = { ...runnerPlaces(before.runner, deadlines), dueAt: before.dueAt };
      if (isSamePlace(placesBefore, places))
        updateInPlace.run(runner.version, JSON.stringify(runner), runner.name);
      else update.run(...columnsOf(runner, places));
    },

    versions: (names: Iterable<RunnerName>) =>
      new Map(versions.all(keyList(names)).map(([name, version]) => [name as RunnerName, Number(version)])),

    byNames: selectRunners(
      `SELECT item FROM ${keysInOrder} CROSS JOIN runners ON runners.name = asked.value`,
    ),
    ofLane: selectRunners(
      `SELECT item FROM runners WHERE host = ? AND lane = ? AND counted_class = ?
        ORDER BY rank, rank_at, name LIMIT ?`,
    ),
    standingBy: selectRunners(
      `SELECT item FROM runners WHERE host = ? AND pool = ? AND lane IS NULL AND counted_class = 'standby'
        ORDER BY rank, rank_at, name LIMIT ?`,
    ),
    ofHost: selectRunners(
      `SELECT item FROM runners WHERE host = ? AND (is_gone = 0 OR counted_class IS NOT NULL) AND is_gone = 0
        ORDER BY name`,
    ),
    census: selectRunners(
      'SELECT item FROM runners WHERE host = ? AND (is_gone = 0 OR counted_class IS NOT NULL) ORDER BY name',
    ),

    uncounted: (host: HostName, before: number, limit: number): { item: ItemKey; since: number }[] =>
      dirty.all(host, before, limit).map(([name, since]) => ({
        item: { kind: 'runner', name: name as RunnerName },
        since: Number(since),
      })),

    due: (host: HostName, now: number, limit: number) =>
      due.all(host, now, limit).map(([name]) => name as RunnerName),
    deleteEnded: (before: number, limit: number) => Number(deleteEnded.run(before, limit).changes),
  };
}

/** In the order of the statements above. */
function columnsOf(runner: Runner, places: RunnerPlaces): SQLInputValue[] {
  return [
    runner.version,
    JSON.stringify(runner),
    places.host,
    places.pool,
    places.lane,
    places.countedClass,
    places.rank,
    places.rankAt,
    places.isGone ? 1 : 0,
    places.dueAt,
    places.dirtyHost,
    places.dirtySince,
    places.endedAt,
    runner.name,
  ];
}

function isSamePlace(a: RunnerPlaces, b: RunnerPlaces): boolean {
  return (
    a.host === b.host &&
    a.pool === b.pool &&
    a.lane === b.lane &&
    a.countedClass === b.countedClass &&
    a.rank === b.rank &&
    a.rankAt === b.rankAt &&
    a.isGone === b.isGone &&
    a.dueAt === b.dueAt &&
    a.dirtyHost === b.dirtyHost &&
    a.dirtySince === b.dirtySince &&
    a.endedAt === b.endedAt
  );
}
