// Budgets of one process, gone with it. What decides is core/token-clock.ts.

import {
  blockTokens,
  fullTokenClock,
  giveTokensBack,
  reserveTokens,
  type TokenClock,
  tokensLeft,
} from '../../../core/token-clock.ts';
import type { BudgetKey, Budgets } from '../../../ports/budgets.ts';

export function createMemoryBudgets(): Budgets {
  /** One for each installation and host: the configuration bounds it. */
  const clocks = new Map<string, TokenClock>();
  const read = (key: BudgetKey): TokenClock => clocks.get(name(key)) ?? fullTokenClock;
  const write = (key: BudgetKey, clock: TokenClock): void => void clocks.set(name(key), clock);

  return {
    async reserve(key, terms, asked, now) {
      const { clock, granted, nextAtMs } = reserveTokens(read(key), terms, asked, now);
      write(key, clock);
      return { granted, nextAt: nextAtMs };
    },
    async giveBack(key, terms, tokens, now, reservedAt = now) {
      write(key, giveTokensBack(read(key), terms, tokens, now, reservedAt));
    },
    left: async (key, terms, now) => tokensLeft(read(key), terms, now),
    async block(key, until) {
      write(key, blockTokens(read(key), until));
    },
  };
}

function name({ kind, account }: BudgetKey): string {
  return `${kind}#${account}`;
}
