// The system's time, so many times faster, and the same in every process that is told when it began.

import { createSystemClock } from '../../src/adapters/clock/system/index.ts';
import type { Clock, EpochMs } from '../../src/ports/clock.ts';

export interface Pace {
  beganAt: EpochMs;
  times: number;
}

export function createFastClock({ beganAt, times }: Pace): Clock {
  const system = createSystemClock();
  return {
    now: () => Math.floor(beganAt + (system.now() - beganAt) * times),
    after: (delayMs, task) => system.after(delayMs / times, task),
    sleep: (delayMs) => system.sleep(delayMs / times),
  };
}
