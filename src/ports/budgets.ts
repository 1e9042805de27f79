// Shared budgets: how much of somebody else's limit is left, for every process of the deployment together.

import type { EpochMs } from './clock.ts';

export interface BudgetKey {
  /**
   * Whose limit: `github-mint` (just-in-time configurations of an installation), `github-sweep` (the share of its
   * requests that regular look-ups may use), `github-ask` (as much again for asks about single jobs), `host-launch` (launches of a host).
   */
  kind: 'github-mint' | 'github-sweep' | 'github-ask' | 'host-launch';
  /** The installation's id or the host's name. */
  account: string;
}

export interface BudgetTerms {
  /** Tokens that may be saved up. */
  burst: number;
  /** Tokens that come back each second. */
  perSecond: number;
}

/** `granted` of the tokens asked for (0 … asked); where fewer, the next one comes at `nextAt`. */
interface Grant {
  granted: number;
  nextAt: EpochMs | null;
}

/**
 * - `reserve` is one conditional update: concurrent callers never get more together than the terms allow.
 * - `giveBack` returns tokens that were not used. What came back by itself since `reservedAt` (`now`, where it is
 *   left out) is not given twice.
 * - `left` says how many tokens would be granted now, and moves nothing. It may be a moment old: for people, never to decide by.
 * - `block` says that the owner of the limit refused: nothing is granted before `until`, one token then, burst gone.
 */
export interface Budgets {
  reserve(key: BudgetKey, terms: BudgetTerms, asked: number, now: EpochMs): Promise<Grant>;
  giveBack(
    key: BudgetKey,
    terms: BudgetTerms,
    tokens: number,
    now: EpochMs,
    reservedAt?: EpochMs,
  ): Promise<void>;
  left(key: BudgetKey, terms: BudgetTerms, now: EpochMs): Promise<number>;
  block(key: BudgetKey, until: EpochMs): Promise<void>;
}
