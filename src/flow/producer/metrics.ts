/** What the Producer counts. */
export const metrics = {
  webhooks: 'producer_webhooks_total',
  events: 'producer_events_total',
  jobsIgnored: 'producer_jobs_ignored_total',
  jobsRefused: 'producer_jobs_refused_total',
  hostEvents: 'producer_host_events_total',
  claims: 'producer_claims_total',
} as const;
