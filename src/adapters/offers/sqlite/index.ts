// What had no capacity, in a table of SQLite. One statement each, so it works inside an open transaction too.

import type { DatabaseSync } from 'node:sqlite';
import type { EpochMs } from '../../../ports/clock.ts';
import type { Offer, Offers } from '../../../ports/offers.ts';

export function createSqliteOffers(database: DatabaseSync): Offers {
  // Rows whose time is over stay until the offer is refused again: there are no more than the pools name offers.
  database.exec(`
    CREATE TABLE IF NOT EXISTS offers (
      offer TEXT NOT NULL PRIMARY KEY,
      no_capacity_until_ms INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID`);
  const upsert = database.prepare(`
    INSERT INTO offers (offer, no_capacity_until_ms) VALUES (:offer, :until)
    ON CONFLICT DO UPDATE SET no_capacity_until_ms = max(no_capacity_until_ms, :until)`);
  const select = database.prepare(`
    SELECT offer, no_capacity_until_ms FROM offers
    WHERE offer IN (SELECT value FROM json_each(:offers)) AND no_capacity_until_ms > :now`);

  return {
    async remember(offer, noCapacityUntil) {
      upsert.run({ offer, until: Math.ceil(noCapacityUntil) });
    },
    async unavailable(offers, now) {
      const found = new Map<Offer, EpochMs>();
      for (const row of select.all({ offers: JSON.stringify(offers), now })) {
        found.set(String(row['offer']), Number(row['no_capacity_until_ms']));
      }
      return found;
    },
  };
}
