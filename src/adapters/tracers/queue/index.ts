// Spans to a queue, for functions: what goes on after a function has answered is frozen, and a back end may be slow. So
// spans are gathered while an event is handled and sent when it ends, in one call of a few milliseconds; somebody else
// takes them to where they are looked at. Spans that can not be sent are lost, which is said, and nobody waits for long.

import type { Span } from '../../../core/spans.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { Topic } from '../../../ports/queue.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import type { Tracer } from '../../../ports/tracer.ts';
import { metrics } from '../metrics.ts';
import { type PackedSpans, packSpans } from './pack.ts';

export { metrics } from '../metrics.ts';
export { type PackedSpans, type UnpackedSpans, unpackSpans } from './pack.ts';

export interface QueueTracerDeps {
  queue: Topic<PackedSpans>;
  clock: Clock;
  telemetry: Telemetry;
}

export interface QueueTracer extends Tracer {
  /** Sends what was gathered: when an event was handled. Never throws, and is over in a second. */
  flush(): Promise<void>;
}

/** Of one event: a run of the Publisher ends some hundreds of jobs at most, with some 25 spans each. */
const gatheredMax = 20_000;
/** SQS answers within 50 ms. What waits for this run is the next of its host. */
const sendMsMax = 1_000;

export function createQueueTracer({ queue, clock, telemetry }: QueueTracerDeps): QueueTracer {
  let gathered: Span[] = [];
  let tooMany = 0;

  async function send(spans: readonly Span[]): Promise<{ lost: number; why: string }> {
    const { packed, tooLarge } = packSpans(spans);
    try {
      await within(clock, sendMsMax, queue.publish(packed.map((body) => ({ body }))));
      return { lost: tooLarge, why: 'spans that are larger than a message' };
    } catch (error) {
      return { lost: spans.length, why: String(error) };
    }
  }

  return {
    export(spans) {
      const room = gatheredMax - gathered.length;
      gathered.push(...spans.slice(0, room));
      tooMany += Math.max(0, spans.length - room);
    },
    async flush() {
      const spans = gathered;
      gathered = [];
      const beyond = tooMany;
      tooMany = 0;
      if (spans.length === 0) return;
      const { lost, why } = await send(spans);
      if (lost + beyond === 0) return;
      telemetry.count(metrics.lost, { where: 'sending' }, lost + beyond);
      telemetry.log('warn', 'spans of traces are lost', {
        spans: lost + beyond,
        why: lost > 0 ? why : 'too many at once',
      });
    },
  };
}

function within<Result>(clock: Clock, ms: number, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => reject(new Error(`the queue has not answered within ${ms} ms`)));
    work.then(resolve, reject).finally(cancel);
  });
}
