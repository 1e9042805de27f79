// In the normal case nothing has to be repaired: where nothing fails, no deadline of a launch passes, no change stays
// uncounted, no books are wrong, and nothing is found that should not be there. So a rule whose absence is mended by
// the Reconciler is missed all the same.

import { metrics as publisherMetrics } from '../../../flow/publisher/metrics.ts';
import { metrics } from '../../../flow/reconciler/metrics.ts';
import type { Checker, Scene } from './checker.ts';

/** Duties that only a fault makes necessary. */
const repairs: ReadonlySet<string> = new Set(['launchAgain', 'expire', 'resolveLaunch', 'giveUpBoot']);

/** From the timer's time until a plan has dealt with it. */
const wokenMsMax = 2_000;

export function createNormalChecker(scene: Scene): Checker {
  if (!scene.isCalm) return {};
  return {
    look() {
      for (const [host, { wakeAt }] of scene.truth.ledgers)
        if (wakeAt !== null && wakeAt + wokenMsMax < scene.clock.now())
          scene.fail('normal', `nothing fails, and the timer of ${host} passed without waking anybody`);
    },
    counted(metric, labels, by) {
      const duty = labels['duty'] ?? '';
      if (metric === metrics.duties && repairs.has(duty))
        scene.fail('normal', `nothing fails, and the Reconciler had to ${duty} on ${labels['host']}`);
      if (metric === metrics.uncounted)
        scene.fail('normal', `nothing fails, and ${by} changes of ${labels['host']} were not counted`);
      if (metric === metrics.strays)
        scene.fail('normal', `nothing fails, and a stray was found at ${labels['at']}`);
      if (metric === publisherMetrics.mismatches)
        scene.fail('normal', `nothing fails, and a recount of ${labels['host']} found ${by} mismatches`);
    },
    said(level, message, text) {
      if (level === 'error') scene.fail('normal', `nothing fails, and yet: ${message}: ${text}`);
    },
  };
}
