// No runner is ordered a second time for a job without GitHub's word that it still waits, or the right that a job left
// behind which started on another's runner. Otherwise a job whose end was never told is ordered for, for ever.

import type { JobKey, LaneKey } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import type { Checker, Scene } from './checker.ts';

interface Known {
  orders: number;
  lastOrderAt: number;
  confirmedAt: number;
  hasStarted: boolean;
  /** Where it belongs, and the orders that it had elsewhere before: a runner of another lane is of no use to it. */
  lane: LaneKey | null;
  ordersElsewhere: number;
}

const unknown: Known = {
  orders: 0,
  lastOrderAt: 0,
  confirmedAt: 0,
  hasStarted: false,
  lane: null,
  ordersElsewhere: 0,
};

export function createSecondOrdersChecker(scene: Scene): Checker {
  const jobs = new Map<JobKey, Known>();
  const rightsLeft = new Map<LaneKey, number>();

  return {
    jobWritten(job) {
      const before = jobs.get(job.key) ?? unknown;
      const lane = job.route.kind === 'lane' ? job.route.lane : null;
      const ordersElsewhere = before.lane === lane ? before.ordersElsewhere : before.orders;
      const hasStarted = before.hasStarted || job.phase === 'in_progress' || job.phase === 'completed';
      jobs.set(job.key, {
        orders: job.orders,
        lastOrderAt: job.lastOrder?.at ?? 0,
        confirmedAt: Math.max(before.confirmedAt, job.confirmed?.at ?? 0),
        hasStarted,
        lane,
        ordersElsewhere,
      });
      if (lane === null) return;
      if (hasStarted && !before.hasStarted && job.orders === 0) change(lane, 1);
      const isSecond = job.orders > before.orders && before.orders > ordersElsewhere;
      if (isSecond && before.confirmedAt < before.lastOrderAt) spend(lane, job);
    },
  };

  function spend(lane: LaneKey, job: Job): void {
    if (change(lane, -1) >= 0) return;
    scene.fail(
      'secondOrders',
      `job ${job.id} got its order number ${job.orders} without GitHub's word, and no job left a right behind`,
      [String(job.id)],
    );
  }

  function change(lane: LaneKey, by: 1 | -1): number {
    const left = (rightsLeft.get(lane) ?? 0) + by;
    rightsLeft.set(lane, left);
    return left;
  }
}
