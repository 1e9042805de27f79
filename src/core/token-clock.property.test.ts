import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  blockTokens,
  fullTokenClock,
  giveTokensBack,
  reserveTokens,
  type TokenClock,
  type TokenTerms,
} from './token-clock.ts';

/** One caller's step: some ms after the last one's it asks, and gives back so many of what it got, later. */
const steps = fc.array(
  fc.record({
    gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 2_000 })),
    asked: fc.integer({ min: 0, max: 30 }),
    share: fc.constantFrom(0, 0, 0.5, 1),
    backAfterMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })),
    blockMs: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 3_000 }) },
    ),
  }),
  { maxLength: 40 },
);

const anyTerms: fc.Arbitrary<TokenTerms> = fc.record({
  burst: fc.integer({ min: 1, max: 20 }),
  perSecond: fc.oneof(fc.constantFrom(1, 2, 3, 7, 1_000), fc.double({ min: 0.1, max: 50, noNaN: true })),
});

const startMs = 1_700_000_000_000;

test('in no span of time are more tokens used than the burst and what came back in it', () => {
  fc.assert(
    fc.property(anyTerms, steps, (terms, steps) => {
      const used = play(terms, steps).used.filter(({ tokens }) => tokens > 0);
      for (let from = 0; from < used.length; from += 1) {
        let sum = 0;
        for (const { tokens, atMs } of used.slice(from)) {
          sum += tokens;
          const allowed = terms.burst + ((atMs - (used[from]?.atMs ?? 0)) / 1_000) * terms.perSecond;
          assert.ok(sum <= allowed + 1e-6, `${sum} tokens used where ${allowed} are allowed`);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('what is not granted is granted at the time that was told, and not before', () => {
  fc.assert(
    fc.property(anyTerms, steps, fc.integer({ min: 1, max: 30 }), (terms, steps, asked) => {
      const { clock, nowMs } = play(terms, steps);
      const { clock: after, granted, nextAtMs } = reserveTokens(clock, terms, asked, nowMs);
      if (granted === asked) return assert.equal(nextAtMs, null);
      assert.ok(nextAtMs !== null && nextAtMs > nowMs);
      assert.equal(reserveTokens(after, terms, 1, nextAtMs - 1).granted, 0);
      assert.ok(reserveTokens(after, terms, 1, nextAtMs).granted === 1);
    }),
    { numRuns: 500 },
  );
});

test('nothing is granted while it is blocked', () => {
  fc.assert(
    fc.property(anyTerms, steps, fc.integer({ min: 1, max: 10_000 }), (terms, steps, blockMs) => {
      const { clock, nowMs } = play(terms, steps);
      const blocked = blockTokens(clock, nowMs + blockMs);
      assert.equal(reserveTokens(blocked, terms, 1_000, nowMs + blockMs - 1).granted, 0);
      assert.ok(reserveTokens(blocked, terms, 1_000, nowMs + blockMs).granted <= 1);
    }),
  );
});

type Step = typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never;
type Use = { atMs: number; tokens: number };
type Back = { atMs: number; tokens: number; reservedAtMs: number };

/** Runs the steps; gives what was used when, and where the clock stands. */
function play(terms: TokenTerms, steps: readonly Step[]): { used: Use[]; clock: TokenClock; nowMs: number } {
  let clock = fullTokenClock;
  let nowMs = startMs;
  let backs: Back[] = [];
  const used: Use[] = [];
  for (const { gapMs, asked, share, backAfterMs, blockMs } of steps) {
    nowMs += gapMs;
    const due = backs.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    backs = backs.filter(({ atMs }) => atMs > nowMs);
    for (const { atMs, tokens, reservedAtMs } of due) {
      clock = giveTokensBack(clock, terms, tokens, atMs, reservedAtMs);
    }
    if (blockMs > 0) clock = blockTokens(clock, nowMs + blockMs);
    const reserved = reserveTokens(clock, terms, asked, nowMs);
    clock = reserved.clock;
    const unused = Math.floor(reserved.granted * share);
    used.push({ atMs: nowMs, tokens: reserved.granted - unused });
    if (unused > 0) backs.push({ atMs: nowMs + backAfterMs, tokens: unused, reservedAtMs: nowMs });
  }
  return { used, clock, nowMs };
}
