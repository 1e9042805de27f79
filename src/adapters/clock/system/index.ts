// The time of this machine. The one place, beside stand-alone programs, that asks for it and that sets timers.

import type { Cancel, Clock } from '../../../ports/clock.ts';
import { createMonotoneNow } from './monotone.ts';

/** Above 2^31-1 ms (25 days) `setTimeout` fires after 1 ms, so that a longer wait is made of several. */
const timeoutMsMax = 2 ** 31 - 1;

export function createSystemClock(): Clock {
  const now = createMonotoneNow(Date.now, () => performance.now());

  function after(delayMs: number, task: () => void): Cancel {
    if (!Number.isFinite(delayMs)) {
      throw new RangeError(`a delay of ${delayMs} ms: give a finite number of milliseconds, 0 or more`);
    }
    return delayMs > 0 ? afterTimeout(delayMs, task) : afterTurn(task);
  }

  function afterTimeout(delayMs: number, task: () => void): Cancel {
    const dueAt = now() + delayMs;
    let timer = arm(delayMs);
    return () => clearTimeout(timer);

    function arm(leftMs: number): NodeJS.Timeout {
      return setTimeout(fire, Math.min(Math.ceil(leftMs), timeoutMsMax));
    }
    // A timer counts from the start of the event loop's turn, so it may come a moment early by this clock.
    function fire(): void {
      const leftMs = dueAt - now();
      if (leftMs > 0) timer = arm(leftMs);
      else task();
    }
  }

  return {
    now,
    after,
    sleep: (delayMs) =>
      new Promise((resolve) => {
        after(delayMs, resolve);
      }),
  };
}

/** At once, but behind what the event loop has to do already: `setTimeout` would take 1 ms at least. */
function afterTurn(task: () => void): Cancel {
  const turn = setImmediate(task);
  return () => clearImmediate(turn);
}
