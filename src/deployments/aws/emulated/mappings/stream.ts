// A table's stream run against a function as Lambda's mapping does.
//
//   one shard ── filter ──┬─ line 0 ── batch at a time ──▶ function
//                         ├─ line 1      by the hash of the partition key, so an item's changes keep their order,
//                         └─ line …      and a line that is stuck holds up none but itself
//
// With a window, a line waits for it before each batch that is not full.
//
// A batch that fails comes again, at once and then after longer and longer: whole, or halved where the mapping bisects,
// or from the first record that the answer names. Halving and going on from a named record use no try up; a batch that
// fails at its first record does. When the tries are used up, or the first records are too old, they are given up: a
// note of where they are goes to the failure destination, and the next go on.
// [AWS: Process DynamoDB records with Lambda; Configuring partial batch response with DynamoDB and Lambda]

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock, EpochMs } from '../../../../ports/clock.ts';
import { type Pattern, passes } from './filter.ts';

export interface StreamRecord {
  dynamodb: {
    SequenceNumber: string;
    Keys: Readonly<Record<string, unknown>>;
    /** In seconds since 1970. */
    ApproximateCreationDateTime: number;
  };
}

export interface StreamMapping {
  batchSizeMax: number;
  /** A batch is gathered for so long from its first record, or until it is full. */
  windowMs: number;
  /** Lines of one shard: `ParallelizationFactor`. */
  lines: number;
  /** Tries after the first. */
  retriesMax: number;
  recordAgeMsMax: number;
  bisects: boolean;
  /** `ReportBatchItemFailures`. */
  reportsFailures: boolean;
  filters: readonly Pattern[];
}

/** What the failure destination is told: where the records are, not what they are. */
export interface FailureNote {
  condition: 'RetryAttemptsExhausted' | 'RecordAgeExceeded';
  invocations: number;
  error: string | null;
  records: readonly StreamRecord[];
}

export interface StreamDeps {
  mapping: StreamMapping;
  /** The function: gets Lambda's event, gives its answer; rejects where it failed. */
  invoke(event: { Records: readonly StreamRecord[] }): Promise<unknown>;
  giveUp(note: FailureNote): Promise<void>;
  clock: Clock;
  onError(error: unknown): void;
}

export interface StreamLines {
  /** Records of one shard, in its order. Resolves when there is room for more. */
  take(records: readonly StreamRecord[]): Promise<void>;
  /** Records that are taken and not done with. */
  left(): number;
  /** Resolves when no call is at work; what is left then stays. */
  stop(): Promise<void>;
}

/** The first retry comes at once; the next wait twice as long each, as the retry of a stuck shard should cost little. */
const retryWaitMsMin = 100;
const retryWaitMsMax = 10_000;

/** Batches that wait in a line: enough that a function which is ready never waits for the reader. */
const batchesAheadMax = 20;

const answerSchema = z
  .object({ batchItemFailures: z.array(z.object({ itemIdentifier: z.string().nullish() })).nullish() })
  .nullish();

interface Batch {
  records: readonly StreamRecord[];
  failures: number;
}

export function createStreamLines(deps: StreamDeps): StreamLines {
  const { mapping, clock } = deps;
  const lines = Array.from({ length: mapping.lines }, () => ({
    waiting: [] as StreamRecord[],
    working: null as Promise<void> | null,
  }));
  let isStopped = false;
  let recordsInWork = 0;
  const onceDone: (() => void)[] = [];
  let stopping: (() => void)[] = [];

  type Line = (typeof lines)[number];

  async function work(line: Line): Promise<void> {
    while (line.waiting.length > 0 && !isStopped) {
      if (mapping.windowMs > 0 && line.waiting.length < mapping.batchSizeMax) await pause(mapping.windowMs);
      const records = line.waiting.splice(0, mapping.batchSizeMax);
      recordsInWork += records.length;
      await deliver(records);
      recordsInWork -= records.length;
      for (const resolve of onceDone.splice(0)) resolve();
    }
    line.working = null;
  }

  async function deliver(records: readonly StreamRecord[]): Promise<void> {
    const batches: Batch[] = [{ records, failures: 0 }];
    for (let batch = batches.shift(); batch && !isStopped; batch = batches.shift()) {
      const fresh = await withoutOld(batch);
      if (fresh.length === 0) continue;
      batches.unshift(...(await tryOnce({ ...batch, records: fresh })));
    }
  }

  /** What is to come again, in its order. */
  async function tryOnce({ records, failures }: Batch): Promise<Batch[]> {
    let error: string | null = null;
    let from = 0;
    let isNamed = false;
    try {
      const answer = await deps.invoke({ Records: records });
      const place = mapping.reportsFailures ? firstFailed(records, answer) : null;
      if (place === null) return [];
      [from, isNamed] = [place, true];
    } catch (thrown) {
      error = String(thrown);
      deps.onError(thrown);
    }
    if (from > 0) return [{ records: records.slice(from), failures: 0 }];
    if (mapping.bisects && records.length > 1 && !isNamed) {
      const middle = Math.ceil(records.length / 2);
      return [records.slice(0, middle), records.slice(middle)].map((half) => ({ records: half, failures }));
    }
    if (failures >= mapping.retriesMax) {
      const condition = 'RetryAttemptsExhausted';
      await deps.giveUp({ condition, invocations: failures + 1, error, records });
      return [];
    }
    if (failures > 0) await pause(Math.min(retryWaitMsMin * 2 ** failures, retryWaitMsMax));
    return [{ records, failures: failures + 1 }];
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(ms, done);
      stopping.push(done);
      function done(): void {
        cancel();
        stopping = stopping.filter((one) => one !== done);
        resolve();
      }
    });
  }

  async function withoutOld({ records, failures }: Batch): Promise<readonly StreamRecord[]> {
    const oldest: EpochMs = clock.now() - mapping.recordAgeMsMax;
    const old = records.filter(({ dynamodb }) => dynamodb.ApproximateCreationDateTime * 1_000 < oldest);
    if (old.length === 0) return records;
    await deps.giveUp({ condition: 'RecordAgeExceeded', invocations: failures, error: null, records: old });
    return records.filter((record) => !old.includes(record));
  }

  return {
    async take(records) {
      for (const record of records) {
        if (!passes(mapping.filters, record)) continue;
        const line = lines[lineOf(record, lines.length)];
        line?.waiting.push(record);
      }
      for (const line of lines) {
        if (line.waiting.length > 0) line.working ??= work(line);
      }
      const most = mapping.batchSizeMax * batchesAheadMax;
      while (!isStopped && lines.some(({ waiting }) => waiting.length > most)) {
        await new Promise<void>((resolve) => onceDone.push(resolve));
      }
    },
    left: () => lines.reduce((sum, { waiting }) => sum + waiting.length, recordsInWork),
    async stop() {
      isStopped = true;
      for (const resume of stopping) resume();
      await Promise.all(lines.map(({ working }) => working));
      for (const resolve of onceDone.splice(0)) resolve();
    },
  };
}

/**
 * Where the lowest record that the answer names stands; `null` for none. An answer that names something else, or
 * nothing, fails all: that is Lambda's rule.
 */
function firstFailed(records: readonly StreamRecord[], answer: unknown): number | null {
  const read = answerSchema.safeParse(answer);
  if (!read.success) return 0;
  const named = (read.data?.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier);
  if (named.length === 0) return null;
  const places = named.map((id) => records.findIndex(({ dynamodb }) => dynamodb.SequenceNumber === id));
  return Math.max(0, Math.min(...places));
}

/** By the partition key, as Lambda does: the table has one, named first. */
function lineOf({ dynamodb }: StreamRecord, lines: number): number {
  const key = JSON.stringify(dynamodb.Keys['pk'] ?? Object.values(dynamodb.Keys)[0] ?? null);
  return createHash('sha256').update(key).digest().readUInt32BE() % lines;
}
