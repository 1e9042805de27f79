import type { InProcessQueue } from '../../adapters/topics/in-process/index.ts';

/** Dead letters go back to their queues, of one or of all; answers how many did. */
export function redriveQueues(
  queues: readonly InProcessQueue<never>[],
  only: string | null,
): { queue: string; moved: number }[] {
  return queues
    .filter(({ name }) => only === null || name === only)
    .map((queue) => ({ queue: queue.name, moved: queue.redrive() }));
}
