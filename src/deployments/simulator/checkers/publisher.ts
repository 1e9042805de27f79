// The Publisher never runs in vain for ever.

import { metrics } from '../../../flow/publisher/metrics.ts';
import type { Checker, Scene } from './checker.ts';

/** Runs of one host in a row that commit nothing: duplicates and late timers make some, a loop makes them all. */
const vainRunsMax = 60;

export function createPublisherChecker(scene: Scene): Checker {
  const vainRuns = new Map<string, number>();
  // A run whose steps take longer than all it has time for wakes itself too, and is no loop.
  const isHeldUp = scene.mischief.rate('slow') + scene.mischief.rate('stall') > 0;

  return {
    counted(metric, labels) {
      const host = labels['host'] ?? '';
      if (metric === metrics.runs) {
        const runs = (vainRuns.get(host) ?? 0) + 1;
        vainRuns.set(host, runs);
        if (runs === vainRunsMax)
          scene.fail('publisher', `host ${host}: ${runs} runs in a row committed nothing`);
      }
      if (metric === metrics.commits && labels['outcome'] === 'committed') vainRuns.set(host, 0);
      if (metric === metrics.stopped && !isHeldUp)
        scene.fail('publisher', `host ${host}: it woke itself in vain until it was stopped`);
    },
    said(level, message, text) {
      // It may be stopped, never fail: no fault that is put in here makes its plan, its reads or its commit throw.
      if (level === 'error' && message === 'the publisher failed')
        scene.fail('publisher', `it failed: ${text}`);
    },
  };
}
