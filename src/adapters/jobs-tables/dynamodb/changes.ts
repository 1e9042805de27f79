// The table's stream, as the Messenger wants it. A record tells of a change if the item is not counted (`dirty`) and
// that, or the change it is about, has moved: so facts that change no count, the Publisher's own writes and what time
// to live deletes tell nothing, and what a commit hands on to another host is told to that one. A mapping that passes
// only records whose new image has `dirty` keeps all others from costing an invocation.
//
// Some changes order nothing by themselves: a job began or ended, a machine has gone. Their rows have `calm` too. A
// mapping for those without it takes what comes at once; a second one for those with it may gather them for a moment
// (a stream's shard has two readers at most [DynamoDB: Streams quotas]), so that one notification and one run of the
// Publisher count them together. With one mapping for both all is as well, and dearer.

import type { Change } from '../../../ports/jobs-table.ts';
import { hostOfDirty, itemKeyOf } from './schema.ts';

/**
 * How long calm changes may be gathered. It is what a place that has come free may wait for its next runner, where the
 * host is full; in a burst of hundreds of jobs it
 * saves a third of the calls; with 5 s it would be two calls in five.
 */
export const calmWindowSeconds = 2;

/** A value as a stream has it: keys and marks are strings, the change of an item is a number. */
interface StreamValue {
  S?: string | undefined;
  N?: string | undefined;
}

/** What is used of a record, as Lambda's event source mapping and GetRecords both give it. */
interface StreamRecord {
  dynamodb?:
    | {
        NewImage?: Record<string, StreamValue> | undefined;
        OldImage?: Record<string, StreamValue> | undefined;
      }
    | undefined;
}

export function changesOf(record: StreamRecord): Change[] {
  const after = markOf(record.dynamodb?.NewImage);
  const before = markOf(record.dynamodb?.OldImage);
  if (after === null) return [];
  if (before !== null && before.host === after.host && before.change === after.change) return [];
  const image = record.dynamodb?.NewImage ?? {};
  const item = itemKeyOf({
    pk: image['pk']?.S ?? '',
    sk: image['sk']?.S ?? '',
    change: after.change,
    lane: image['lane']?.S,
    runner: image['runner']?.S,
  });
  return item === null ? [] : [{ host: after.host, item }];
}

function markOf(image: Record<string, StreamValue> | undefined) {
  const dirty = image?.['dirty']?.S;
  return dirty === undefined
    ? null
    : { host: hostOfDirty(dirty), change: image?.['change']?.S ?? image?.['change']?.N };
}
