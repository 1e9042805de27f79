import type { EpochMs } from '../../../ports/clock.ts';

/** SQS and SNS remember an id for five minutes from the message that brought it, handled or not. */
const rememberedMs = 5 * 60_000;

/**
 * Ids remembered at once, about 100 bytes each: above 3,000 messages a second for five minutes, the limit of a FIFO
 * topic. The oldest is forgotten before its time then; a duplicate costs a handler's run, no more.
 */
const idsMax = 1_000_000;

/** True for an id that was seen within five minutes. Forgets lazily, in the order they came, so it sets no timer. */
export function createDeduplication(): (id: string, now: EpochMs) => boolean {
  const seenAt = new Map<string, EpochMs>();

  function forget(now: EpochMs): void {
    for (const [id, at] of seenAt) {
      if (at > now - rememberedMs && seenAt.size < idsMax) return;
      seenAt.delete(id);
    }
  }

  return (id, now) => {
    forget(now);
    if (seenAt.has(id)) return true;
    seenAt.set(id, now);
    return false;
  };
}
