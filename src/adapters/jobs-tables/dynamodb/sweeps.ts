// What is looked at regularly. Moved earlier by whoever notices something, written after a look by whoever looked.

import type { EpochMs } from '../../../ports/clock.ts';
import type { Sweep } from '../../../ports/jobs-table.ts';
import { looked, sooner } from '../sweep.ts';
import type { Access } from './access.ts';
import { writeOptimistically } from './optimistic.ts';
import { unpack } from './pack.ts';
import { sweepRow } from './rows.ts';
import { dueSweepsPartition, type Row, sweepRowKey } from './schema.ts';

export function createSweeps(access: Access) {
  function write(sweep: Sweep, next: (known: Sweep | null) => Sweep | null): Promise<void> {
    return writeOptimistically<void>(access, {
      key: sweepRowKey(sweep.kind, sweep.subject),
      // Where it is not, the refusal brings it: no more calls than a read and a write.
      probablyNew: true,
      decide(found) {
        const written = next(sweepOf(found));
        const row = written === null ? null : sweepRow(written, (found?.version ?? 0) + 1);
        return { row, answer: undefined };
      },
    });
  }

  return {
    sweepSoon: (sweep: Sweep) => write(sweep, (known) => sooner(known, sweep)),
    sweepDone: (sweep: Sweep) => write(sweep, (known) => looked(known, sweep)),

    async sweepsDue(now: EpochMs, limit: number): Promise<Sweep[]> {
      const look = { index: 'due', pk: dueSweepsPartition, range: { upTo: now }, limit } as const;
      const rows = await access.batchGet(await access.query(look));
      return rows.map((row) => unpack<Sweep>(row.item)).filter(({ nextAt }) => nextAt <= now);
    },

    readSweep: async (kind: Sweep['kind'], subject: string) =>
      sweepOf(await access.get(sweepRowKey(kind, subject))),
  };
}

function sweepOf(row: Row | null): Sweep | null {
  return row && unpack<Sweep>(row.item);
}
