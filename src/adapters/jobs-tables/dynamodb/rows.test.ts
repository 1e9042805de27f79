import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Episode, episodesMax } from '../../../core/episodes.ts';
import type { PoolName } from '../../../core/ids.ts';
import { noPoolCounts, type PoolBooks } from '../../../core/ledger.ts';
import { aLedger, hostA } from '../../../ports/testing.ts';
import { ledgerBytesMax, ledgerRow } from './rows.ts';

const startMs = Date.UTC(2026, 10, 25);
const poolName = (n: number) => `pool-number-${n}` as PoolName;

/** Each with numbers of its own, so that they pack as badly as real ones. */
function episodes(pools: number): Episode[] {
  return Array.from({ length: episodesMax }, (_, n) => {
    const from = startMs + n * 1_234_567;
    const pool = poolName(n % pools);
    const alive = { coming: n, busy: 61 + n, ending: n * 3, standby: 0 };
    const limit = { code: 'poolLimit', pool, limit: 64 + n * 5, loweredFrom: null, alive } as const;
    const why = `InsufficientInstanceCapacity: no m7g.${n}xlarge in zone eu-west-1${'abc'.charAt(n % 3)}, ask again later`;
    const failing = { code: 'breakerOpen', pool, failures: 3 + n, why, until: from + 30_000 } as const;
    return { what: n % 4 === 0 ? failing : limit, from, to: from + 7_777 * n };
  });
}

function bytesOf(pools: number, told: readonly Episode[]): number {
  const books = Array.from({ length: pools }, (_, n): [PoolName, PoolBooks] => [
    poolName(n),
    { ...noPoolCounts, coming: n * 3, busy: n * 7, ending: n },
  ]);
  const ledger = { ...aLedger(hostA, 123_456), pools: Object.fromEntries(books) };
  const { item } = ledgerRow({ ...ledger, wakeAt: startMs, ...(told.length > 0 && { episodes: told }) });
  return Buffer.byteLength(item);
}

test('what was in the way of runners leaves the ledger of some pools one write unit, and that of fifty below its bound', () => {
  const keysAndNear = 150;
  assert.ok(bytesOf(5, episodes(5)) + keysAndNear < 1024, `${bytesOf(5, episodes(5))} bytes`);
  assert.ok(bytesOf(50, episodes(50)) < ledgerBytesMax / 2, `${bytesOf(50, episodes(50))} bytes`);
  assert.ok(bytesOf(50, episodes(50)) - bytesOf(50, []) < 1024);
});
