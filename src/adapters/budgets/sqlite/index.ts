// Budgets in a table of SQLite. What decides is core/token-clock.ts; here one statement writes what it decided, on
// the condition that the row is still the one it decided on, else it decides again. That needs no transaction of its
// own, so it works inside an open one too, and for several processes on one file.

import type { DatabaseSync } from 'node:sqlite';
import {
  blockTokens,
  fullTokenClock,
  giveTokensBack,
  reserveTokens,
  type TokenClock,
  tokensLeft,
} from '../../../core/token-clock.ts';
import type { BudgetKey, Budgets } from '../../../ports/budgets.ts';

/** Only another process can come between, and hardly ever twice: more means that the file is not as it should be. */
const attemptsMax = 100;

export function createSqliteBudgets(database: DatabaseSync): Budgets {
  database.exec(`
    CREATE TABLE IF NOT EXISTS budgets (
      kind TEXT NOT NULL,
      account TEXT NOT NULL,
      full_at_us INTEGER NOT NULL,
      blocked_until_ms INTEGER NOT NULL,
      PRIMARY KEY (kind, account)
    ) STRICT, WITHOUT ROWID`);
  const select = database.prepare(
    'SELECT full_at_us, blocked_until_ms FROM budgets WHERE kind = ? AND account = ?',
  );
  const upsert = database.prepare(`
    INSERT INTO budgets (kind, account, full_at_us, blocked_until_ms)
    VALUES (:kind, :account, :fullAtUs, :blockedUntilMs)
    ON CONFLICT DO UPDATE SET full_at_us = :fullAtUs, blocked_until_ms = :blockedUntilMs
    WHERE full_at_us = :seenFullAtUs AND blocked_until_ms = :seenBlockedUntilMs`);

  function read({ kind, account }: BudgetKey): TokenClock {
    const row = select.get(kind, account);
    if (row === undefined) return fullTokenClock;
    return { fullAtUs: Number(row['full_at_us']), blockedUntilMs: Number(row['blocked_until_ms']) };
  }

  /** Moves the clock as `decide` says, once. */
  function move<Decision extends { clock: TokenClock }>(
    { kind, account }: BudgetKey,
    decide: (seen: TokenClock) => Decision,
  ): Decision {
    for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
      const seen = read({ kind, account });
      const decision = decide(seen);
      if (decision.clock === seen) return decision;
      const { changes } = upsert.run({
        kind,
        account,
        ...decision.clock,
        seenFullAtUs: seen.fullAtUs,
        seenBlockedUntilMs: seen.blockedUntilMs,
      });
      if (changes === 1) return decision;
    }
    throw new Error(
      `budget ${kind} of ${account}: changed by others at each of ${attemptsMax} attempts; nothing was written`,
    );
  }

  return {
    async reserve(key, terms, asked, now) {
      const { granted, nextAtMs } = move(key, (seen) => reserveTokens(seen, terms, asked, now));
      return { granted, nextAt: nextAtMs };
    },
    async giveBack(key, terms, tokens, now, reservedAt = now) {
      move(key, (seen) => ({ clock: giveTokensBack(seen, terms, tokens, now, reservedAt) }));
    },
    left: async (key, terms, now) => tokensLeft(read(key), terms, now),
    async block(key, until) {
      move(key, (seen) => ({ clock: blockTokens(seen, until) }));
    },
  };
}
