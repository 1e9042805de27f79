// Rows that belong to a host as a whole: its ledger, its lanes, its controls.

import type { DatabaseSync } from 'node:sqlite';
import type { HostName, LaneKey, PoolName } from '../../../core/ids.ts';
import { lanePlaces } from '../../../core/lane-places.ts';
import type { Control, Lane, Ledger } from '../../../core/ledger.ts';
import { keysInOrder, parseItem, select, selectItem, selectItems } from './statements.ts';

export function createHostRows(database: DatabaseSync) {
  const ledgerVersion = select(database, 'SELECT version FROM ledgers WHERE host = ?');
  const putLedger = database.prepare(
    `INSERT INTO ledgers (host, version, item) VALUES (?, ?, ?)
      ON CONFLICT (host) DO UPDATE SET version = excluded.version, item = excluded.item`,
  );
  const putLane = database.prepare(
    `INSERT INTO lanes (host, key, item, pool, queue_alive, queue_oldest_at, time_at) VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (host, key) DO UPDATE SET item = excluded.item, pool = excluded.pool,
      queue_alive = excluded.queue_alive, queue_oldest_at = excluded.queue_oldest_at, time_at = excluded.time_at`,
  );
  const deleteLane = database.prepare('DELETE FROM lanes WHERE host = ? AND key = ?');
  const putControl = database.prepare(
    `INSERT INTO controls (host, pool, item, recorded_at) VALUES (?, ?, ?, ?)
      ON CONFLICT (host, pool) DO UPDATE SET item = excluded.item, recorded_at = excluded.recorded_at`,
  );
  const controls = select(database, 'SELECT item, recorded_at FROM controls WHERE host = ? ORDER BY pool');
  const queue = selectItems<Lane>(
    database,
    `SELECT item FROM lanes WHERE host = ? AND pool = ? AND queue_alive IS NOT NULL
      ORDER BY queue_alive, queue_oldest_at, key LIMIT ?`,
  );

  return {
    ledger: selectItem<Ledger>(database, 'SELECT item FROM ledgers WHERE host = ?'),
    ledgerVersion: (host: HostName) => Number(ledgerVersion.first(host)?.[0] ?? 0),
    putLedger: (ledger: Ledger) => void putLedger.run(ledger.host, ledger.version, JSON.stringify(ledger)),

    lane: selectItem<Lane>(database, 'SELECT item FROM lanes WHERE host = ? AND key = ?'),
    lanes: selectItems<Lane>(
      database,
      `SELECT item FROM ${keysInOrder} CROSS JOIN lanes ON lanes.host = ? AND lanes.key = asked.value`,
    ),
    lanesOfHost: selectItems<Lane>(database, 'SELECT item FROM lanes WHERE host = ?'),
    queue: (host: HostName, pools: readonly PoolName[], limit: number) =>
      pools.flatMap((pool) => queue(host, pool, limit)),
    timed: selectItems<Lane>(
      database,
      'SELECT item FROM lanes WHERE host = ? AND time_at IS NOT NULL ORDER BY time_at, key LIMIT ?',
    ),

    putLane(lane: Lane): void {
      const { queue: place, timeAt } = lanePlaces(lane);
      const [alive, oldestAt] = place === null ? [null, null] : [place.alive, place.oldestAt];
      putLane.run(lane.host, lane.key, JSON.stringify(lane), lane.pool, alive, oldestAt, timeAt);
    },
    deleteLane: (host: HostName, key: LaneKey) => void deleteLane.run(host, key),

    putControl: (control: Control, at: number) =>
      void putControl.run(control.host, control.pool, JSON.stringify(control), at),
    controls: (host: HostName) =>
      controls.all(host).map(([item, recordedAt]) => ({
        control: parseItem<Control>(item),
        recordedAt: Number(recordedAt),
      })),
  };
}
