import type { Cancel, Clock } from '../../../ports/clock.ts';

/** A clock whose timers end with its owner: machines have some that are a day ahead, and none may keep a process. */
export function createEndingClock({ now, after: arm }: Clock): { clock: Clock; end(): void } {
  const open = new Set<Cancel>();
  let isOver = false;

  function after(delayMs: number, task: () => void): Cancel {
    if (isOver) return () => {};
    const cancel = arm(delayMs, () => {
      open.delete(cancel);
      task();
    });
    open.add(cancel);
    return () => {
      open.delete(cancel);
      cancel();
    };
  }

  return {
    clock: { now, after, sleep: (delayMs) => new Promise((wake) => void after(delayMs, wake)) },
    end() {
      isOver = true;
      for (const cancel of open) cancel();
      open.clear();
    },
  };
}
