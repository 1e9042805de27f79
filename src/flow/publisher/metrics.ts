import type { Meanings } from '../../ports/telemetry.ts';

/** What the Publisher counts. */
export const metrics = {
  runs: 'publisher_runs_total',
  commits: 'publisher_commits_total',
  orders: 'publisher_orders_total',
  mismatches: 'publisher_ledger_mismatches_total',
  failures: 'publisher_failures_total',
  stopped: 'publisher_self_notifications_stopped_total',
} as const;

export const meanings: Meanings<typeof metrics> = {
  runs: { kind: 'count', unit: 'count', says: 'Runs, by host.', series: null },
  commits: {
    kind: 'count',
    unit: 'count',
    says: 'Commits, by outcome: another run may have been faster.',
    series: null,
  },
  orders: {
    kind: 'count',
    unit: 'count',
    says: 'Orders published: launch, terminate, ask.',
    series: null,
  },
  mismatches: {
    kind: 'count',
    unit: 'count',
    says: 'Counts in the books that a recount found to be wrong, and put right.',
    series: [],
  },
  failures: {
    kind: 'count',
    unit: 'count',
    says: 'Runs that failed, by host; the log has why. What they did not do is found again.',
    series: null,
  },
  stopped: {
    kind: 'count',
    unit: 'count',
    says: 'Times that it woke itself again and again without anything to commit, and stopped.',
    series: [],
  },
};
