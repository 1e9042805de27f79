import type { Meanings } from '../../ports/telemetry.ts';

/** What the Reconciler counts: each is something that healed, or was looked at. And what it measures at each tick. */
export const metrics = {
  duties: 'reconciler_duties_total',
  uncounted: 'reconciler_uncounted_total',
  asks: 'reconciler_asks_total',
  reruns: 'reconciler_reruns_total',
  redeliveries: 'reconciler_redeliveries_total',
  deliveriesFailed: 'github_deliveries_failed',
  jobsFound: 'reconciler_jobs_found_total',
  strays: 'reconciler_strays_total',
  sweeps: 'reconciler_sweeps_total',
  failures: 'reconciler_failures_total',
  stepsDropped: 'reconciler_steps_dropped_total',

  oldestWaitingMs: 'jobs_oldest_waiting_ms',
  waiting: 'jobs_waiting',
  held: 'jobs_held',
  alive: 'runners_alive',
  limit: 'runners_limit',
  runners: 'runners',
  breakerOpen: 'pool_breaker_open',
  paused: 'pool_paused',
} as const;

export const meanings: Meanings<typeof metrics> = {
  duties: {
    kind: 'count',
    unit: 'count',
    says: 'Deadlines that passed, by what was done about them.',
    series: null,
  },
  uncounted: {
    kind: 'count',
    unit: 'count',
    says: 'Changes whose notification was lost, told again.',
    series: [],
  },
  asks: {
    kind: 'count',
    unit: 'count',
    says: 'Jobs that GitHub was asked about, by why, and what it answered.',
    series: null,
  },
  reruns: {
    kind: 'count',
    unit: 'count',
    says: 'Jobs that lost their machine to its platform and whose pool wants them run again, by what came of it.',
    series: null,
  },
  redeliveries: {
    kind: 'count',
    unit: 'count',
    says: 'Failed deliveries that GitHub was asked to send again.',
    series: null,
  },
  deliveriesFailed: {
    kind: 'gauge',
    unit: 'count',
    says: 'Deliveries since the last look, of events of jobs, of which none arrived here.',
    series: [],
    zeroIsSilent: true,
  },
  jobsFound: {
    kind: 'count',
    unit: 'count',
    says: 'News of jobs that no event had told.',
    series: [],
  },
  strays: {
    kind: 'count',
    unit: 'count',
    says: 'Machines and registered runners of ours that should not be there any more, taken away.',
    series: null,
  },
  sweeps: { kind: 'count', unit: 'count', says: 'Regular looks, by kind.', series: null },
  failures: {
    kind: 'count',
    unit: 'count',
    says: 'Steps that failed: they are due again at the next tick.',
    series: [],
  },
  stepsDropped: {
    kind: 'count',
    unit: 'count',
    says: 'Steps that waited for two ticks and were said again meanwhile.',
    series: null,
  },

  oldestWaitingMs: {
    kind: 'gauge',
    unit: 'ms',
    says: 'Since when the oldest job of a host waits, by the time at which GitHub made it; 0 while none does. A job that GitHub holds back is not waiting.',
    series: ['host'],
  },
  waiting: { kind: 'gauge', unit: 'count', says: 'Jobs that wait, of a host.', series: ['host'] },
  held: {
    kind: 'gauge',
    unit: 'count',
    says: 'Jobs that GitHub holds back though a runner was there for them, of a host.',
    series: null,
  },
  alive: {
    kind: 'gauge',
    unit: 'count',
    says: "Places of a host's limit that are taken: coming, busy, ending and standing by.",
    series: ['host'],
  },
  limit: { kind: 'gauge', unit: 'count', says: "A host's limit.", series: null },
  runners: { kind: 'gauge', unit: 'count', says: 'Runners of a pool, by class.', series: null },
  breakerOpen: {
    kind: 'gauge',
    unit: 'count',
    says: 'Whether the circuit breaker of a pool is open: its runners failed three times in a row.',
    series: [],
    zeroIsSilent: true,
  },
  paused: {
    kind: 'gauge',
    unit: 'count',
    says: 'Whether an operator paused a pool.',
    series: [],
    zeroIsSilent: true,
  },
};
