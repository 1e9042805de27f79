// What the Publisher tells of traces, to their queue. Where none are kept, the bundler puts `none.ts` in its place.

import { env } from 'node:process';
import { createQueueTracer } from '../../../adapters/tracers/queue/index.ts';
import type { Tracer } from '../../../ports/tracer.ts';
import { readEnvironment } from '../environment.ts';
import { openTracesQueue, type World } from '../ports.ts';

export interface Traces {
  tracer?: Tracer;
  /** When an event was handled: sends what was told. Never throws, and is over in a second. */
  flush(): Promise<void>;
}

export function openTraces(world: World): Traces {
  const queue = openTracesQueue(world, readEnvironment(env, ['TRACES_QUEUE_URL']));
  const tracer = createQueueTracer({ ...world, queue });
  return { tracer, flush: tracer.flush };
}
