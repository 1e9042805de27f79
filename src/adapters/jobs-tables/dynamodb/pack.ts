// Items as they lie in the table: JSON while that is small, deflated beyond. DynamoDB charges a write by the started
// kilobyte, twice in a transaction, and items are full of words that repeat: most then cost one unit instead of two
// or three.

import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** With the keys and what the indexes need beside it, one write unit. */
const plainBytesMax = 700;

/**
 * So that 99 items and the ledger stay below the 4 MB that a transaction may have [DynamoDB: quotas]. An ordinary item
 * has about 1 KB.
 */
export const itemBytesMax = 40_000;

/** What an item may be when it is unpacked: many times what any may be that was packed. */
const jsonBytesMax = 16 * 1024 * 1024;

/** `what` names the item in an error. */
export function pack(what: string, item: unknown, bytesMax = itemBytesMax): string | Uint8Array {
  const json = JSON.stringify(item);
  const bytes = Buffer.from(json);
  if (bytes.length <= plainBytesMax) return json;
  const packed = deflateRawSync(bytes);
  if (packed.length <= bytesMax) return packed;
  throw new RangeError(
    `${what} has ${packed.length} bytes, packed from ${bytes.length}; at most ${bytesMax} are stored: shorten its texts`,
  );
}

/** It came out of `pack`: nobody else writes the table. */
export function unpack<Item>(item: string | Uint8Array): Item {
  const json =
    typeof item === 'string' ? item : inflateRawSync(item, { maxOutputLength: jsonBytesMax }).toString();
  return JSON.parse(json) as Item;
}

/** Of a row that no facts are added to. */
export function itemOf<Item>(row: { item: string | Uint8Array }): Item {
  return unpack<Item>(row.item);
}
