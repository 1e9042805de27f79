// Virtual time for a system that talks over real sockets: it stands still while anything is on its way, and jumps to the
// next timer when nothing is. So EC2's buckets and GitHub's limits run in their true proportions, a day of a dedicated
// host takes a second, and a slow machine changes no result.

import type { VirtualClock } from '../../src/adapters/clock/virtual/index.ts';

export interface Traffic {
  /** Time stands until it has ended. */
  during<Result>(work: () => Promise<Result>): Promise<Result>;
  /** What is on its way waits for time to pass: until then it does not count. */
  waitsFor(time: Promise<unknown>): Promise<void>;
  quiet(): Promise<void>;
}

/** Turns of the event loop in which nothing new was sent: an answer that has come may lead to the next request. */
const quietTurns = 3;

export function createTraffic(): Traffic {
  let onTheWay = 0;
  return {
    async during(work) {
      onTheWay += 1;
      try {
        return await work();
      } finally {
        onTheWay -= 1;
      }
    },
    async waitsFor(time) {
      onTheWay -= 1;
      await time;
      onTheWay += 1;
    },
    async quiet() {
      for (let turns = 0; turns < quietTurns; turns += 1) {
        await new Promise((resolve) => setImmediate(resolve));
        if (onTheWay > 0) turns = -1;
      }
    },
  };
}

/** Lets time pass until the condition holds; fails with what it waited for where it does not within the time. */
export async function passUntil(
  { clock, traffic }: { clock: VirtualClock; traffic: Traffic },
  says: string,
  withinMs: number,
  look: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpAt = clock.now() + withinMs;
  for (;;) {
    await traffic.quiet();
    if (await look()) return;
    const isLeft = (clock.nextAt() ?? Number.POSITIVE_INFINITY) <= giveUpAt;
    if (!isLeft) throw new Error(`${withinMs / 1000} s of its time passed in vain: ${says}`);
    await clock.step();
  }
}
