// So many requests of a caller at once. Those beyond wait in order, bounded in number by `waitingMax` and in time
// by the signal of each.

export interface Slots {
  /**
   * Resolves when a slot is free, with the function that gives it back; `null` where the signal came first, or
   * where too many wait already.
   */
  take(signal: AbortSignal): Promise<(() => void) | null>;
}

export function createSlots(slotsMax: number, waitingMax: number): Slots {
  let taken = 0;
  // A set keeps the order and lets one that gave up leave from the middle.
  const waiting = new Set<() => void>();

  function giveBack(): void {
    const [next] = waiting;
    if (next === undefined) taken -= 1;
    else next(); // the slot goes from hand to hand
  }

  return {
    take(signal) {
      if (signal.aborted) return Promise.resolve(null);
      if (taken < slotsMax) {
        taken += 1;
        return Promise.resolve(giveBack);
      }
      if (waiting.size >= waitingMax) return Promise.resolve(null);
      return new Promise((resolve) => {
        const giveUp = () => {
          waiting.delete(enter);
          resolve(null);
        };
        const enter = () => {
          waiting.delete(enter);
          resolve(giveBack);
        };
        waiting.add(enter);
        signal.addEventListener('abort', giveUp, { once: true });
      });
    },
  };
}
