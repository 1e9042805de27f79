// A job that GitHub still calls queued, though a runner idles beside it or younger ones went before it, is held, and
// says why: nothing is ordered for it for a while, and whoever asks is told.

import type { JobKey } from '../../../core/ids.ts';
import type { Job } from '../../../core/job.ts';
import type { Checker, Scene } from './checker.ts';

export function createHoldsChecker(scene: Scene): Checker {
  const answered = new Map<JobKey, Job>();

  return {
    jobWritten(job) {
      const before = answered.get(job.key);
      answered.delete(job.key);
      if (job.phase !== 'queued') return;
      if (job.confirmed?.purpose === 'idleRunner' || job.confirmed?.purpose === 'overtaken') {
        answered.set(job.key, job);
        return;
      }
      if (!before?.confirmed || job.confirmed !== null || before.counted?.lane !== job.counted?.lane) return;
      // The answer is older than the order that was made since: it says nothing of it.
      if ((before.lastOrder?.at ?? 0) > before.confirmed.at) return;
      // An event of its run may free it in the same plan.
      const wasHeld = before.counted?.class === 'held' || (job.held?.times ?? 0) > (before.held?.times ?? 0);
      if ((wasHeld || job.counted?.class === 'held') && job.held?.cause) return;
      scene.fail('holds', `GitHub holds job ${job.id} back, and it is counted as ${job.counted?.class}`, [
        String(job.id),
      ]);
    },
  };
}
