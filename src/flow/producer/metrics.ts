import type { Meanings } from '../../ports/telemetry.ts';

/** What the Producer counts. */
export const metrics = {
  webhooks: 'producer_webhooks_total',
  events: 'producer_events_total',
  jobsIgnored: 'producer_jobs_ignored_total',
  jobsRefused: 'producer_jobs_refused_total',
  hostEvents: 'producer_host_events_total',
  claims: 'producer_claims_total',
} as const;

export const meanings: Meanings<typeof metrics> = {
  webhooks: {
    kind: 'count',
    unit: 'count',
    says: "Requests to the webhook's door, by the status of their answer.",
    series: null,
  },
  events: {
    kind: 'count',
    unit: 'count',
    says: 'Events of jobs, by phase, and whether they told anything new.',
    series: null,
  },
  jobsIgnored: {
    kind: 'count',
    unit: 'count',
    says: 'Events of jobs that ask for labels of no pool: they are for other runners.',
    series: null,
  },
  jobsRefused: {
    kind: 'count',
    unit: 'count',
    says: 'Events of jobs that a pool would fit, and may not serve, by the reason.',
    series: null,
  },
  hostEvents: {
    kind: 'count',
    unit: 'count',
    says: "Hosts' events about ends of machines, and whether they told anything new.",
    series: null,
  },
  claims: {
    kind: 'count',
    unit: 'count',
    says: 'Claims of machines, by the status of their answer.',
    series: null,
  },
};
