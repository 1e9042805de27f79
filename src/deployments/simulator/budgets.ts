// Budgets, watched: until when each has nothing left, which is a reason for jobs to wait.

import type { BudgetKey, Budgets } from '../../ports/budgets.ts';
import type { EpochMs } from '../../ports/clock.ts';

export interface WatchedBudgets extends Budgets {
  /** 0: there is something left, or nobody has asked. */
  spentUntil(key: BudgetKey): EpochMs;
}

export function watchBudgets(budgets: Budgets): WatchedBudgets {
  const spent = new Map<string, EpochMs>();
  const idOf = ({ kind, account }: BudgetKey): string => `${kind} ${account}`;

  return {
    ...budgets,
    async reserve(key, terms, asked, now) {
      const grant = await budgets.reserve(key, terms, asked, now);
      spent.set(idOf(key), grant.nextAt ?? 0);
      return grant;
    },
    async block(key, until) {
      await budgets.block(key, until);
      spent.set(idOf(key), until);
    },
    spentUntil: (key) => spent.get(idOf(key)) ?? 0,
  };
}
