/** What the Reconciler counts: each is something that healed, or was looked at. */
export const metrics = {
  duties: 'reconciler_duties_total',
  uncounted: 'reconciler_uncounted_total',
  asks: 'reconciler_asks_total',
  redeliveries: 'reconciler_redeliveries_total',
  jobsFound: 'reconciler_jobs_found_total',
  strays: 'reconciler_strays_total',
  sweeps: 'reconciler_sweeps_total',
  failures: 'reconciler_failures_total',
} as const;
