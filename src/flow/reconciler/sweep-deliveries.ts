// Webhook deliveries that failed: GitHub does not send them again by itself, but does when it is asked to. Its own
// filter for failures misses time-outs, so every delivery is looked at, and they are told apart by GUID.

import { type Delivery, GitHubError } from '../../ports/github.ts';
import type { Sweep } from '../../ports/jobs-table.ts';
import type { ReconcilerDeps } from './deps.ts';
import { metrics } from './metrics.ts';
import type { Next } from './next.ts';

interface DeliveriesState {
  /** Everything before has been dealt with: a time of GitHub's clock, which may be minutes away from ours. */
  since: number;
  /** Asked for again, by GUID: how often, and when last, by our clock. */
  asked: Record<string, { times: number; at: number }>;
}

/** At the first look: what failed before the system was there is found by the look-up of queued jobs. */
const firstLookMs = 60 * 60_000;
/** Two looks overlap by so much: a delivery may appear in the list late. */
const overlapMs = 5 * 60_000;
/** Asked for so often before it is left to the look-up of queued jobs. */
const askedMax = 3;
const deliveriesMax = 2_000;
const redeliveriesMax = 100;

export async function sweepDeliveries(deps: ReconcilerDeps, sweep: Sweep): Promise<Next> {
  const now = deps.clock.now();
  const state = (sweep.state as DeliveriesState | null) ?? { since: now - firstLookMs, asked: {} };
  const deliveries = await deps.github.deliveriesSince(state.since, deliveriesMax);
  const asked: DeliveriesState['asked'] = {};
  let redelivered = 0;
  const newestAt = Math.max(state.since, ...deliveries.map(({ deliveredAt }) => deliveredAt));
  let oldestOpenAt = newestAt;
  for (const [guid, attempts] of byGuid(deliveries)) {
    const latest = attempts[0];
    if (!latest || attempts.some((attempt) => attempt.ok)) continue;
    const { times, at } = state.asked[guid] ?? { times: 0, at: 0 };
    asked[guid] = { times, at };
    const isPending = times > 0 && at + overlapMs > now && attempts.length <= times;
    if (times >= askedMax || isPending || redelivered >= redeliveriesMax) {
      if (times < askedMax) oldestOpenAt = Math.min(oldestOpenAt, latest.deliveredAt);
      continue;
    }
    oldestOpenAt = Math.min(oldestOpenAt, latest.deliveredAt);
    try {
      await deps.github.redeliver(latest.id);
      deps.telemetry.count(metrics.redeliveries);
    } catch (error) {
      if (!(error instanceof GitHubError)) throw error;
      // A limit or an outage: all that are left stay open for the next look. Any other refusal is this delivery's own.
      if (error.kind === 'limited' || error.kind === 'unavailable') redelivered = redeliveriesMax;
      if (redelivered >= redeliveriesMax) continue;
    }
    asked[guid] = { times: times + 1, at: now };
    redelivered += 1;
  }
  deps.telemetry.gauge(metrics.deliveriesFailed, Object.keys(asked).length);
  const since = Math.max(state.since, Math.min(oldestOpenAt, newestAt - overlapMs) - 1);
  return {
    afterMs: deps.configuration.timing.deliveriesMs,
    state: { since, asked } satisfies DeliveriesState,
  };
}

/** Newest attempt first; only the event that this system reads. */
function byGuid(deliveries: readonly Delivery[]): Map<string, Delivery[]> {
  const groups = new Map<string, Delivery[]>();
  for (const delivery of deliveries) {
    if (delivery.event !== 'workflow_job') continue;
    const group = groups.get(delivery.guid) ?? [];
    group.push(delivery);
    groups.set(delivery.guid, group);
  }
  for (const group of groups.values()) group.sort((a, b) => b.deliveredAt - a.deliveredAt);
  return groups;
}
