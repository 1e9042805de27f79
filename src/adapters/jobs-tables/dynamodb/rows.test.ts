import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { type Episode, episodesMax } from '../../../core/episodes.ts';
import type { PoolName } from '../../../core/ids.ts';
import { type Ledger, noPoolCounts, type PoolBooks } from '../../../core/ledger.ts';
import type { Runner } from '../../../core/runner.ts';
import { deadlinesOfContract } from '../../../ports/jobs-table.world.contract.ts';
import { aLedger, aRunner, hostA } from '../../../ports/testing.ts';
import { runnerOf } from './late.ts';
import { itemOf, pack } from './pack.ts';
import { createRows, ledgerBytesMax, ledgerRow } from './rows.ts';

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

test('sixty pools that all fail, each for a reason that packs badly, keep a ledger that can be written: its counts whole', () => {
  const noise = (n: number) => createHash('sha512').update(String(n)).digest('base64');
  const why = (n: number) =>
    `UnauthorizedOperation: You may not. Encoded message: ${noise(n)}${noise(n + 1_000)}`;
  const books = Array.from({ length: 60 }, (_, n): [PoolName, PoolBooks] => {
    const breaker = { failures: 3 + n, opened: 2, until: startMs + n * 1_237, why: why(n) };
    return [poolName(n), { ...noPoolCounts, coming: n, busy: n * 7, breaker }];
  });
  const ledger = { ...aLedger(hostA, 7), pools: Object.fromEntries(books), episodes: episodes(16) };
  assert.throws(() => pack('it', ledger, ledgerBytesMax), RangeError);
  const written = itemOf<Ledger>(ledgerRow(ledger));
  assert.equal(written.version, 7);
  for (const [name, { breaker, ...counts }] of books) {
    const kept = written.pools[name];
    assert.partialDeepStrictEqual(kept, { ...counts, breaker: { until: breaker?.until } });
    assert.ok(kept?.breaker?.why.startsWith('UnauthorizedOperation'));
  }
});

test('a runner that an older version stored has what that did not know of as not known, and not as undefined', () => {
  const {
    restedAt: _1,
    restAskedAt: _2,
    machineSince: _3,
    keyHash: _4,
    interruptedAt: _5,
    ...known
  } = aRunner(1);
  const stored = { ...known, lane: null, scope: null, state: 'standby', standbyAt: startMs } as const;
  const rows = createRows({ deadlines: deadlinesOfContract, keepMs: 0 });
  const row = { ...rows.ofRunner(aRunner(1)), item: pack('it', stored) };
  const runner: Runner = runnerOf(row);
  const unknown = {
    restedAt: null,
    restAskedAt: null,
    machineSince: null,
    keyHash: null,
    interruptedAt: null,
  };
  assert.partialDeepStrictEqual(runner, unknown);
});
