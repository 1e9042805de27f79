// Launches that are at work together write what their hosts answered together: a table can then take one request for
// them all. An answer waits for the others no longer than a moment; alone it does not wait.

import type { Clock } from '../../ports/clock.ts';

/**
 * Nothing depends on the answer's being stored before the machine has booted, and a crash meanwhile is one between the
 * call and its answer, which the host's list or its event heals.
 */
const gatherMsMax = 1_000;

export interface Company {
  /** A call that others may wait for. */
  during<Result>(call: () => Promise<Result>): Promise<Result>;
  /** Resolves for all who wait at one instant: when nobody is at a call any more, or the first has waited enough. */
  gather(): Promise<void>;
}

export function createCompany(clock: Clock): Company {
  let atWork = 0;
  let waiting: (() => void)[] = [];
  let cancel: (() => void) | null = null;

  function release(): void {
    cancel?.();
    cancel = null;
    const released = waiting;
    waiting = [];
    for (const resolve of released) resolve();
  }

  return {
    async during(call) {
      atWork += 1;
      try {
        return await call();
      } finally {
        atWork -= 1;
        if (atWork === 0) release();
      }
    },

    async gather() {
      if (atWork === 0) return;
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        cancel ??= clock.after(gatherMsMax, release);
      });
    },
  };
}
