import type { InProcessQueue } from '../../adapters/topics/in-process/index.ts';

interface QueueRedriven {
  queue: string;
  moved: number;
  /** In process nothing is lost but messages, so that no host has to count again. */
  recounted: readonly string[];
}

export type Redriven =
  | { outcome: 'redriven'; queues: QueueRedriven[] }
  | { outcome: 'unknown'; names: string[] };

/** Dead letters go back to their queues, of those with this in their names or of all; answers how many did. */
export function redriveQueues(queues: readonly InProcessQueue<never>[], wanted: string | null): Redriven {
  const chosen = queues.filter(({ name }) => wanted === null || name.includes(wanted));
  if (chosen.length === 0) return { outcome: 'unknown', names: queues.map(({ name }) => name) };
  return {
    outcome: 'redriven',
    queues: chosen.map((queue) => ({ queue: queue.name, moved: queue.redrive(), recounted: [] })),
  };
}
