import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  blockTokens,
  fullTokenClock,
  giveTokensBack,
  reserveTokens,
  type TokenClock,
} from './token-clock.ts';

const terms = { burst: 10, perSecond: 2 };
const nowMs = 1_700_000_000_000;

test('a budget that was never used grants its burst, and then tells when the next token comes', () => {
  const first = reserveTokens(fullTokenClock, terms, 7, nowMs);
  assert.deepEqual([first.granted, first.nextAtMs], [7, null]);
  const second = reserveTokens(first.clock, terms, 7, nowMs);
  assert.deepEqual([second.granted, second.nextAtMs], [3, nowMs + 500]);
  const third = reserveTokens(second.clock, terms, 1, nowMs + 499);
  assert.deepEqual([third.granted, third.nextAtMs], [0, nowMs + 500]);
  assert.equal(third.clock, second.clock);
  assert.equal(reserveTokens(second.clock, terms, 1, nowMs + 500).granted, 1);
});

test('tokens come back at the rate, up to the burst', () => {
  const { clock } = reserveTokens(fullTokenClock, terms, 10, nowMs);
  for (const [afterMs, expected] of [
    [0, 0],
    [1_000, 2],
    [3_250, 6],
    [5_000, 10],
    [60_000, 10],
  ] as const) {
    assert.equal(reserveTokens(clock, terms, 100, nowMs + afterMs).granted, expected);
  }
});

test('to ask for nothing gives nothing and no time to wait for', () => {
  const { clock } = reserveTokens(fullTokenClock, terms, 10, nowMs);
  assert.deepEqual(reserveTokens(clock, terms, 0, nowMs), { clock, granted: 0, nextAtMs: null });
});

test('tokens given back at once are there again, and never more than the burst', () => {
  const { clock } = reserveTokens(fullTokenClock, terms, 10, nowMs);
  assert.equal(grantedAt(giveTokensBack(clock, terms, 4, nowMs, nowMs), nowMs), 4);
  assert.equal(grantedAt(giveTokensBack(clock, terms, 40, nowMs, nowMs), nowMs), 10);
});

test('tokens given back late are not given twice', () => {
  const { clock } = reserveTokens(fullTokenClock, terms, 10, nowMs);
  const laterMs = nowMs + 5_000;
  const others = reserveTokens(clock, terms, 5, laterMs);
  assert.equal(others.granted, 5);
  // All ten came back by themselves in the five seconds: only the others' five are out.
  assert.equal(grantedAt(giveTokensBack(others.clock, terms, 10, laterMs, nowMs), laterMs), 5);
  assert.equal(grantedAt(giveTokensBack(clock, terms, 10, nowMs + 1_000, nowMs), nowMs + 1_000), 10);
});

test('while it is blocked a budget grants nothing, one token at the end, and then the rate', () => {
  const untilMs = nowMs + 60_000;
  const blocked = blockTokens(fullTokenClock, untilMs);
  const refused = reserveTokens(blocked, terms, 5, untilMs - 1);
  assert.deepEqual([refused.granted, refused.nextAtMs], [0, untilMs]);
  assert.equal(grantedAt(blocked, untilMs), 1);
  assert.equal(grantedAt(blocked, untilMs + 1_000), 3);
  assert.equal(grantedAt(blocked, untilMs + 60_000), 10);
});

test('a block does not shorten another', () => {
  const blocked = blockTokens(blockTokens(fullTokenClock, nowMs + 60_000), nowMs + 1_000);
  assert.equal(blocked.blockedUntilMs, nowMs + 60_000);
});

test('what was reserved before a block is not given back after it', () => {
  const { clock } = reserveTokens(fullTokenClock, terms, 10, nowMs);
  const blocked = blockTokens(clock, nowMs + 1_000);
  const first = reserveTokens(blocked, terms, 1, nowMs + 1_000);
  assert.equal(first.granted, 1);
  assert.equal(grantedAt(giveTokensBack(first.clock, terms, 10, nowMs + 1_000, nowMs), nowMs + 1_000), 0);
});

test('terms that change count from then on', () => {
  const { clock } = reserveTokens(fullTokenClock, terms, 6, nowMs);
  assert.equal(grantedAt(clock, nowMs), 4);
  assert.equal(reserveTokens(clock, { burst: 3, perSecond: 2 }, 100, nowMs).granted, 0);
  assert.equal(reserveTokens(clock, { burst: 3, perSecond: 2 }, 100, nowMs + 2_000).granted, 1);
});

test('a rate that does not divide a second is kept, not exceeded', () => {
  const odd = { burst: 1, perSecond: 3 };
  let clock = fullTokenClock;
  let at = nowMs;
  for (let i = 0; i < 1_000; i += 1) {
    const { clock: next, granted } = reserveTokens(clock, odd, 1, at);
    assert.equal(granted, 1);
    at = reserveTokens(next, odd, 1, at).nextAtMs ?? 0;
    clock = next;
  }
  assert.ok(at - nowMs >= 1_000_000 / 3 && at - nowMs < 335_000, `${at - nowMs}`);
});

test('terms and counts that make no sense are refused with what is allowed', () => {
  for (const wrong of [
    { burst: 0, perSecond: 1 },
    { burst: 1.5, perSecond: 1 },
    { burst: 1, perSecond: 0 },
    { burst: 1, perSecond: -1 },
    { burst: 1, perSecond: Number.NaN },
    { burst: 1_000_000, perSecond: 0.000_001 },
  ]) {
    assert.throws(() => reserveTokens(fullTokenClock, wrong, 1, nowMs), /a budget of burst .* allowed is/);
  }
  for (const count of [-1, 0.5, Number.NaN]) {
    assert.throws(() => reserveTokens(fullTokenClock, terms, count, nowMs), /asked is/);
    assert.throws(() => giveTokensBack(fullTokenClock, terms, count, nowMs, nowMs), /tokens is/);
  }
});

function grantedAt(clock: TokenClock, atMs: number): number {
  return reserveTokens(clock, terms, 100, atMs).granted;
}
