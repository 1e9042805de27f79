// The share of an installation's requests that the Reconciler may use, as terms of a budget.

import type { BudgetTerms } from '../../ports/budgets.ts';
import type { ReconcilerDeps } from './deps.ts';

/** Until GitHub has said what it grants. */
const hourlyLimitDefault = 5_000;

/** Spread evenly over the hour, with so much saved up at most. */
export function shareOfRequests(
  deps: Pick<ReconcilerDeps, 'github' | 'configuration'>,
  installation: number,
  burstMin: number,
): BudgetTerms {
  const limit = deps.github.rateLeft(installation)?.limit ?? hourlyLimitDefault;
  const perSecond = (limit * deps.configuration.github.sweepShare) / 3_600;
  return { burst: Math.max(burstMin, Math.ceil(perSecond * 60)), perSecond };
}
