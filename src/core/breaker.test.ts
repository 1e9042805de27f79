import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { timing } from '../../test/fixtures/books.ts';
import { afterFailure, breakerState } from './breaker.ts';
import type { Breaker } from './ledger.ts';

const fail = (breaker: Breaker | null, at: number) => afterFailure(breaker, 'no capacity', timing, at);

describe('the circuit breaker', () => {
  it('opens after three failures in a row, then lets one probe pass', () => {
    let breaker: Breaker | null = null;
    assert.equal(breakerState(breaker, 0), 'closed');
    for (const state of ['closed', 'closed', 'open'] as const) {
      breaker = fail(breaker, 1_000);
      assert.equal(breakerState(breaker, 1_000), state);
    }
    assert.equal(breakerState(breaker, 1_000 + timing.breakerMs - 1), 'open');
    assert.equal(breakerState(breaker, 1_000 + timing.breakerMs), 'probe');
  });

  it('stays open twice as long with each probe that fails, five minutes at most', () => {
    let breaker: Breaker | null = null;
    let now = 0;
    for (const _ of [1, 2]) breaker = fail(breaker, now);
    const open: number[] = [];
    for (let probe = 0; probe < 6; probe += 1) {
      breaker = fail(breaker, now);
      open.push((breaker.until ?? 0) - now);
      now = breaker.until ?? 0;
    }
    assert.deepEqual(open, [30_000, 60_000, 120_000, 240_000, 300_000, 300_000]);
  });

  it('is not opened for longer by stragglers that were ordered before', () => {
    let breaker: Breaker | null = null;
    for (const _ of [1, 2, 3]) breaker = fail(breaker, 0);
    const straggler = fail(breaker, 10_000);
    assert.equal(straggler.until, breaker?.until);
    assert.equal(straggler.opened, 1);
    assert.equal(straggler.failures, 4);
  });
});
