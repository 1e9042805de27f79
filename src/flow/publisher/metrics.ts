import type { Meanings, Metric } from '../../ports/telemetry.ts';

/** What the Publisher counts: its own work, and what became of the jobs and runners that it counts. */
export const metrics = {
  runs: 'publisher_runs_total',
  commits: 'publisher_commits_total',
  orders: 'publisher_orders_total',
  mismatches: 'publisher_ledger_mismatches_total',
  failures: 'publisher_failures_total',
  stopped: 'publisher_self_notifications_stopped_total',

  eventDeliveryMs: 'job_event_delivery_ms',
  queueMs: 'job_queue_ms',
  runMs: 'job_run_ms',
  launchMs: 'runner_launch_ms',
  bootMs: 'runner_boot_ms',
  registerMs: 'runner_register_ms',
  pickUpMs: 'runner_pick_up_ms',
  endMs: 'runner_end_ms',
  runnersFailed: 'runner_failures_total',
} as const;

const ofWait = ['host', 'pool'] as const;

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
    series: [],
  },
  stopped: {
    kind: 'count',
    unit: 'count',
    says: 'Times that it woke itself again and again without anything to commit, and stopped.',
    series: [],
  },

  // A job's wait is what people ask about, so its six parts are series; a series is paid in the hours in which it is told.
  eventDeliveryMs: phase('From when GitHub made a job until its event was stored', ofWait),
  queueMs: phase('From then until a runner was ordered for the job', ofWait),
  runMs: phase('From when GitHub started a job until it ended', null),
  launchMs: phase('From the order of a runner until its host has launched it', ofWait),
  bootMs: phase('From then until its machine claims its configuration', ofWait),
  registerMs: phase('From then until it is online at GitHub', ofWait),
  pickUpMs: phase('From then until GitHub gave it a job', ofWait),
  endMs: phase("From its job's end until its machine is gone", null),
  runnersFailed: {
    kind: 'count',
    unit: 'count',
    says: 'Runners that ended without a job by no decision of ours, by cause.',
    series: null,
  },
};

/** A part of a job's or a runner's time. */
function phase(says: string, series: Metric['series']): Metric {
  return { kind: 'distribution', unit: 'ms', says: `${says}, by pool; told once, when all is over.`, series };
}
