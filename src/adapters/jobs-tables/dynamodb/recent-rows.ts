// Rows that this process has just read or written. A handler often records several facts of one item, or reads it
// first: what it saw last is then a good guess, and a write on it costs one call instead of two. A wrong guess costs no
// more than a read would have, since the put that is refused brings what it found.

import type { Row } from './schema.ts';

/** A few megabytes: what a batch works on, and what the batches before it did. */
const rowsMax = 2_000;

export interface RecentRows {
  get(id: string): Row | undefined;
  keep(id: string, row: Row): void;
  forget(id: string): void;
}

export function createRecentRows(): RecentRows {
  /** The longest unused comes first. */
  const rows = new Map<string, Row>();
  return {
    get: (id) => rows.get(id),
    keep(id, row) {
      rows.delete(id);
      rows.set(id, row);
      const [oldest] = rows.keys();
      if (rows.size > rowsMax && oldest !== undefined) rows.delete(oldest);
    },
    forget: (id) => void rows.delete(id),
  };
}
