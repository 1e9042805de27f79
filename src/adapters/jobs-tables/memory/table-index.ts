// An index over items that are kept by key: in buckets, each in order. It may lag behind the table, as indexes of
// DynamoDB do: then it answers with items as they were.

import type { Clock, EpochMs } from '../../../ports/clock.ts';
import { createOrderedSet, type Ordered, type OrderedSet } from './ordered-set.ts';

export interface Place {
  bucket: string;
  a: number;
  b: number;
}

/** How long an index lags behind the next write. */
export interface Lag {
  clock: Clock;
  ms: () => number;
}

export interface TableIndex<Item> {
  /** The item as it was written; `null` for the place: it is not in this index, or gone. */
  put(key: string, place: Place | null, item: Item): void;
  list(look: Look): Item[];
}

interface Look {
  bucket: string;
  limit: number;
  /** None whose `a` is greater. */
  until?: number;
  /** None whose `a` is not smaller. */
  before?: number;
  /** None whose key is not greater: for buckets that are in the order of their keys alone. */
  after?: string | null;
}

interface Entry<Item> extends Ordered {
  readonly bucket: string;
  item: Item;
}

export function createTableIndex<Item>(lag: Lag | null): TableIndex<Item> {
  const entries = new Map<string, Entry<Item>>();
  const buckets = new Map<string, OrderedSet<Entry<Item>>>();
  const late = lag === null ? null : createLateWrites<Item>(lag);

  function write(key: string, place: Place | null, item: Item): void {
    const entry = entries.get(key);
    if (entry !== undefined) {
      if (place !== null && place.bucket === entry.bucket && place.a === entry.a && place.b === entry.b) {
        entry.item = item;
        return;
      }
      take(entry);
    }
    if (place !== null) add({ bucket: place.bucket, a: place.a, b: place.b, key, item });
  }

  function add(entry: Entry<Item>): void {
    entries.set(entry.key, entry);
    let bucket = buckets.get(entry.bucket);
    if (bucket === undefined) {
      bucket = createOrderedSet();
      buckets.set(entry.bucket, bucket);
    }
    bucket.add(entry);
  }

  function take(entry: Entry<Item>): void {
    entries.delete(entry.key);
    const bucket = buckets.get(entry.bucket);
    bucket?.delete(entry);
    if (bucket?.size() === 0) buckets.delete(entry.bucket);
  }

  return {
    put(key, place, item) {
      if (late === null) {
        write(key, place, item);
        return;
      }
      late.add(key, place, item);
      late.apply(write);
    },

    list({
      bucket,
      limit,
      until = Number.POSITIVE_INFINITY,
      before = Number.POSITIVE_INFINITY,
      after = null,
    }) {
      late?.apply(write);
      const found: Item[] = [];
      const from = after === null ? null : { a: 0, b: 0, key: after };
      for (const entry of buckets.get(bucket)?.from(from) ?? []) {
        if (found.length >= limit || entry.a > until || entry.a >= before) break;
        if (entry.key !== after) found.push(entry.item);
      }
      return found;
    },
  };
}

interface LateWrite<Item> {
  at: EpochMs;
  key: string;
  place: Place | null;
  item: Item;
}

/** Writes that the index has not seen yet. It sees them in order, so a short lag after a long one waits for that. */
function createLateWrites<Item>({ clock, ms }: Lag) {
  let writes: LateWrite<Item>[] = [];
  let applied = 0;
  let lastAt = 0;

  return {
    add(key: string, place: Place | null, item: Item): void {
      lastAt = Math.max(lastAt, clock.now() + ms());
      writes.push({ at: lastAt, key, place, item });
    },

    apply(write: (key: string, place: Place | null, item: Item) => void): void {
      const now = clock.now();
      for (let next = writes[applied]; next !== undefined && next.at <= now; next = writes[applied]) {
        write(next.key, next.place, next.item);
        applied += 1;
      }
      // Giving up the front at half keeps the cost of each write constant.
      if (applied > 64 && applied * 2 > writes.length) {
        writes = writes.slice(applied);
        applied = 0;
      }
    },
  };
}
