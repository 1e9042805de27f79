// Rows of sweeps.

import type { DatabaseSync } from 'node:sqlite';
import type { Sweep } from '../../../ports/jobs-table.ts';
import { selectItem, selectItems } from './statements.ts';

export function createSweepRows(database: DatabaseSync) {
  const put = database.prepare(
    `INSERT INTO sweeps (kind, subject, item, next_at) VALUES (?, ?, ?, ?)
      ON CONFLICT (kind, subject) DO UPDATE SET item = excluded.item, next_at = excluded.next_at`,
  );
  return {
    one: selectItem<Sweep>(database, 'SELECT item FROM sweeps WHERE kind = ? AND subject = ?'),
    due: selectItems<Sweep>(
      database,
      'SELECT item FROM sweeps WHERE next_at <= ? ORDER BY next_at, kind, subject LIMIT ?',
    ),
    put: (sweep: Sweep) => void put.run(sweep.kind, sweep.subject, JSON.stringify(sweep), sweep.nextAt),
  };
}
