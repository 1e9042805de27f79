import type { Cancel, Clock, EpochMs } from '../../../ports/clock.ts';
import { createLine } from './line.ts';
import type { Batch } from './message.ts';

/** When each batch in flight becomes visible again. */
export interface Deadlines<Body> {
  watch(batch: Batch<Body>): void;
  /** A batch that was watched has ended, or is over. */
  ended(): void;
}

/**
 * One timer for all batches: they wait equally long, so the first one received is the first one over, and those
 * that ended in time are passed over when their turn comes. No timer is left when nothing is in flight.
 */
export function createDeadlines<Body>(clock: Clock, onOver: (batch: Batch<Body>) => void): Deadlines<Body> {
  const watched = createLine<Batch<Body>>();
  let openCount = 0;
  let cancel: Cancel | null = null;

  function watch(batch: Batch<Body>): void {
    watched.push(batch);
    openCount += 1;
    if (cancel === null) arm(batch.visibleAt);
  }

  function ended(): void {
    openCount -= 1;
    if (openCount > 0) return;
    cancel?.();
    cancel = null;
    watched.clear();
  }

  function arm(at: EpochMs): void {
    cancel = clock.after(at - clock.now(), pass);
  }

  function pass(): void {
    cancel = null;
    const now = clock.now();
    for (let first = watched.first(); first !== undefined; first = watched.first()) {
      if (first.isOpen && first.visibleAt > now) {
        arm(first.visibleAt);
        return;
      }
      watched.shift();
      if (first.isOpen) onOver(first);
    }
  }

  return { watch, ended };
}
