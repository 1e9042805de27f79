import type { MessageOutcome } from '../../../ports/queue.ts';

/** SQS's longest visibility time, twelve hours, and so the longest time until a retry. */
export const retryMsMax = 12 * 60 * 60 * 1_000;

/**
 * What comes back, by the id that the handler was given, and in how many ms. Throws where the answer can not be
 * meant: that is a fault of the handler, and the whole batch comes back.
 */
export function retriesOf(
  queue: string,
  ids: ReadonlySet<string>,
  outcomes: readonly MessageOutcome[],
): Map<string, number> {
  const retries = new Map<string, number>();
  for (const outcome of outcomes) {
    if (!ids.has(outcome.id)) {
      throw new RangeError(`${queue}: the handler answered for ${outcome.id}, which is not in its batch`);
    }
    retries.delete(outcome.id);
    if (outcome.outcome === 'done') continue;
    if (!(outcome.delayMs >= 0 && outcome.delayMs <= retryMsMax)) {
      throw new RangeError(
        `${queue}: the handler asked for a retry in ${outcome.delayMs} ms; allowed is 0 to ${retryMsMax}`,
      );
    }
    retries.set(outcome.id, outcome.delayMs);
  }
  return retries;
}
