// A shared budget as one number: the moment at which all its tokens would be back.
//
// A token that is taken moves that moment on by the time one token needs to come back; the moment can be at most
// `burst` such times away. So nothing has to be refilled, the state is one number that one conditional write
// replaces, and in any span of time t no more than burst + perSecond * t tokens are granted (the generic cell rate
// algorithm of ATM networks, ITU-T I.371). Time here is counted in whole microseconds, so that sums are exact: in
// fractions a token could be missing at the very moment at which it was promised.
//
// Where callers' clocks differ, the bound grows by what the difference would bring back.

export interface TokenTerms {
  /** Tokens that may be saved up. */
  burst: number;
  /** Tokens that come back each second. */
  perSecond: number;
}

/** What is stored. Microseconds since 1970 are exact up to the year 2255. */
export interface TokenClock {
  /** When all tokens are back; in the past where they are. */
  fullAtUs: number;
  /** The owner of the limit refused until then; 0 where it never did. */
  blockedUntilMs: number;
}

export interface Reserved {
  clock: TokenClock;
  /** Of the tokens asked for. */
  granted: number;
  /** When the next token comes, where fewer were granted than asked for. */
  nextAtMs: number | null;
}

/** Of a budget that was never used. */
export const fullTokenClock: TokenClock = { fullAtUs: 0, blockedUntilMs: 0 };

/** A year: longer and the sums of microseconds would one day not be exact. */
const refillUsMax = 366 * 86_400 * 1_000_000;

/** As many of the tokens asked for as are there. */
export function reserveTokens(clock: TokenClock, terms: TokenTerms, asked: number, nowMs: number): Reserved {
  checkCount('asked', asked);
  const burstUs = terms.burst * tokenUs(terms);
  const nowUs = Math.floor(nowMs * 1_000);
  const emptiestAtUs = Math.max(clock.fullAtUs, afterBlockUs(clock, terms), nowUs);
  const available = Math.floor((nowUs + burstUs - emptiestAtUs) / tokenUs(terms));
  const granted = Math.max(0, Math.min(asked, available));
  const fullAtUs = emptiestAtUs + granted * tokenUs(terms);
  return {
    clock: granted === 0 ? clock : { ...clock, fullAtUs },
    granted,
    nextAtMs: granted === asked ? null : nextTokenAtMs(fullAtUs, terms),
  };
}

/** How many would be granted now. */
export function tokensLeft(clock: TokenClock, terms: TokenTerms, nowMs: number): number {
  return reserveTokens(clock, terms, terms.burst, nowMs).granted;
}

/**
 * Tokens that were reserved and not used. What came back by itself since then is not given twice, and a block ends
 * all claims from before it: given back late, tokens are never more than if they had not been reserved at all.
 */
export function giveTokensBack(
  clock: TokenClock,
  terms: TokenTerms,
  tokens: number,
  nowMs: number,
  reservedAtMs: number,
): TokenClock {
  checkCount('tokens', tokens);
  if (reservedAtMs < clock.blockedUntilMs) return clock;
  const sinceUs = Math.max(0, Math.ceil((nowMs - reservedAtMs) * 1_000));
  const backUs = Math.max(0, tokens * tokenUs(terms) - sinceUs);
  return { ...clock, fullAtUs: Math.max(0, clock.fullAtUs - backUs) };
}

/** Nothing is granted before, one token then, and what was saved up is gone. A block never shortens another. */
export function blockTokens(clock: TokenClock, untilMs: number): TokenClock {
  return { ...clock, blockedUntilMs: Math.max(clock.blockedUntilMs, Math.ceil(untilMs)) };
}

/** When all tokens are back if but one is there at the block's end. */
function afterBlockUs({ blockedUntilMs }: TokenClock, terms: TokenTerms): number {
  return blockedUntilMs === 0 ? 0 : blockedUntilMs * 1_000 + (terms.burst - 1) * tokenUs(terms);
}

/** The whole millisecond at which one token is there. */
function nextTokenAtMs(fullAtUs: number, terms: TokenTerms): number {
  return Math.ceil((fullAtUs - (terms.burst - 1) * tokenUs(terms)) / 1_000);
}

/** How long one token needs to come back: rounded up, so that the limit is kept rather than reached. */
function tokenUs({ burst, perSecond }: TokenTerms): number {
  const us = Math.ceil(1_000_000 / perSecond);
  if (Number.isInteger(burst) && burst >= 1 && us >= 1 && burst * us <= refillUsMax) return us;
  throw new RangeError(
    `a budget of burst ${burst} and ${perSecond} per second; allowed is a whole burst of 1 or more, ` +
      'more than 0 per second, and at most a year until all of the burst is back',
  );
}

function checkCount(what: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new RangeError(`${what} is ${count}; allowed is a whole number of tokens, 0 or more`);
}
