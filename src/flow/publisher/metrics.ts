/** What the Publisher counts. */
export const metrics = {
  runs: 'publisher_runs_total',
  commits: 'publisher_commits_total',
  orders: 'publisher_orders_total',
  mismatches: 'publisher_ledger_mismatches_total',
  stopped: 'publisher_self_notifications_stopped_total',
} as const;
