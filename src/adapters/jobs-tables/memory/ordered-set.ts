// A set kept in order, for any number of entries: a sorted list of sorted chunks. Adding and deleting is a binary
// search for the chunk, one within it, and a move of at most one chunk's entries.

/** By `a`, then `b`, then `key`, by which two entries are the same one. */
export interface Ordered {
  readonly a: number;
  readonly b: number;
  readonly key: string;
}

export interface OrderedSet<Entry extends Ordered> {
  add(entry: Entry): void;
  delete(entry: Ordered): void;
  size(): number;
  /** In order, from the first one that is not before `from`. */
  from(from: Ordered | null): Generator<Entry>;
}

/** A full chunk is split in two. Moving half of 256 entries costs about as much as finding the place. */
const chunkEntriesMax = 256;

export function createOrderedSet<Entry extends Ordered>(): OrderedSet<Entry> {
  /** None is empty. */
  const chunks: Entry[][] = [];
  let size = 0;

  /** The first chunk whose last entry is not before `entry`; one behind the last where there is none. */
  function chunkOf(entry: Ordered): number {
    return firstIndex(chunks.length, (i) => compare(chunks[i]?.at(-1), entry) >= 0);
  }

  function add(entry: Entry): void {
    const at = Math.min(chunkOf(entry), Math.max(0, chunks.length - 1));
    const chunk = chunks[at];
    size += 1;
    if (chunk === undefined) {
      chunks.push([entry]);
      return;
    }
    chunk.splice(placeIn(chunk, entry), 0, entry);
    if (chunk.length > chunkEntriesMax) chunks.splice(at + 1, 0, chunk.splice(chunkEntriesMax / 2));
  }

  function remove(entry: Ordered): void {
    const at = chunkOf(entry);
    const chunk = chunks[at];
    if (chunk === undefined) return;
    const place = placeIn(chunk, entry);
    if (compare(chunk[place], entry) !== 0) return;
    size -= 1;
    chunk.splice(place, 1);
    if (chunk.length === 0) chunks.splice(at, 1);
  }

  function* from(entry: Ordered | null): Generator<Entry> {
    let at = entry === null ? 0 : chunkOf(entry);
    let place = entry === null ? 0 : placeIn(chunks[at] ?? [], entry);
    for (; at < chunks.length; at += 1, place = 0) {
      const chunk = chunks[at] ?? [];
      for (; place < chunk.length; place += 1) yield chunk[place] as Entry;
    }
  }

  return { add, delete: remove, size: () => size, from };
}

function placeIn(chunk: readonly Ordered[], entry: Ordered): number {
  return firstIndex(chunk.length, (i) => compare(chunk[i], entry) >= 0);
}

/** The smallest index of which `isIt` is true, as it is for all behind it; `length` where there is none. */
function firstIndex(length: number, isIt: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isIt(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function compare(x: Ordered | undefined, y: Ordered): number {
  if (x === undefined) return 1;
  if (x.a !== y.a) return x.a - y.a;
  if (x.b !== y.b) return x.b - y.b;
  if (x.key === y.key) return 0;
  return x.key < y.key ? -1 : 1;
}
