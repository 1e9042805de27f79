// Spans to any back end that speaks OTLP over HTTP, from a process that goes on. Each span is written into the request
// that it will go with as soon as it is told; a request goes when it is full, or a second after its first span. One is
// under way at a time, a bounded number waits for it, and what comes beyond that is lost and counted: nobody ever waits
// for a collector.

import type { Cancel, Clock } from '../../../ports/clock.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import type { Tracer } from '../../../ports/tracer.ts';
import { metrics } from '../metrics.ts';
import { createSpanBatch } from './batch.ts';
import { createPost, type Delivered, protobufHeaders } from './delivery.ts';
import { tracesUrl } from './url.ts';

export interface OtlpTracerSettings {
  /** Of the collector: `/v1/traces` is added where it names no path of its own. */
  endpoint: string;
  /** Such as the key of a service; never logged. */
  headers: Readonly<Record<string, string>>;
  /** What sends them: name and version of the service, the deployment. */
  resource: Readonly<Record<string, string>>;
  clock: Clock;
  telemetry: Telemetry;
}

export interface OtlpTracer extends Tracer {
  /** Sends what is left, for so long as a request may take; what is not taken then is lost. */
  close(): Promise<void>;
}

/** Some 1,000 spans. Collectors take 4 MB by default, and many take more. */
const requestBytesMax = 256 * 1024;
/** Waiting to be sent, 8 MB: the spans of some 4,000 jobs, while a collector is away for a moment. */
const requestsMax = 32;
/** Spans are told once their job has ended: nobody waits for them. */
const requestDelayMs = 1_000;
/** Who stops the system waits for this at most. */
const postMsMax = 5_000;
/** A collector that is restarted is back within seconds. What it does not take then makes room for what comes. */
const triesMax = 4;
const retryMsMin = 1_000;
const retryMsMax = 10_000;
/** A collector that is down is told of so often. */
const sayAgainMs = 60_000;

interface SpanRequest {
  body: Uint8Array;
  spans: number;
}

export function createOtlpTracer(settings: OtlpTracerSettings): OtlpTracer {
  const { endpoint, resource, clock, telemetry } = settings;
  const post = createPost({ url: tracesUrl(endpoint), timeoutMs: postMsMax });
  const headers = { ...settings.headers, ...protobufHeaders };
  const waiting: SpanRequest[] = [];
  const lose = createLosses(clock, telemetry);
  const ending = new AbortController();
  const batch = createSpanBatch(resource, requestBytesMax);
  let cancelTimer: Cancel | null = null;
  let sending: Promise<void> | null = null;
  /** Ends the wait before the next try. */
  let hurry: (() => void) | null = null;
  let closing = false;

  return {
    export(spans) {
      for (const span of spans) {
        batch.add(span);
        if (batch.length() >= requestBytesMax) finishRequest();
      }
      if (batch.spans() > 0) cancelTimer ??= clock.after(requestDelayMs, finishRequest);
    },
    async close() {
      closing = true;
      finishRequest();
      hurry?.();
      const cancel = clock.after(postMsMax, () => ending.abort());
      await sending;
      cancel();
    },
  };

  function finishRequest(): void {
    cancelTimer?.();
    cancelTimer = null;
    const spans = batch.spans();
    if (spans === 0) return;
    const body = batch.finish();
    if (waiting.length < requestsMax) waiting.push({ body, spans });
    else lose('sending', spans, 'the collector does not take them in time');
    sending ??= sendAll();
  }

  async function sendAll(): Promise<void> {
    for (let next = waiting[0]; next; next = waiting[0]) {
      await send(next);
      waiting.shift();
    }
    sending = null;
  }

  async function send({ body, spans }: SpanRequest): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const answer = await post(body, headers, ending.signal);
      if (answer.outcome !== 'later' || tries === triesMax || closing) {
        account(answer, spans);
        return;
      }
      await untilNextTry(answer.afterMs ?? retryMsMin * 2 ** (tries - 1));
    }
  }

  function untilNextTry(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(Math.min(ms, retryMsMax), end);
      hurry = end;
      function end(): void {
        cancel();
        hurry = null;
        resolve();
      }
    });
  }

  function account(answer: Delivered, spans: number): void {
    switch (answer.outcome) {
      case 'taken':
        break;
      case 'partly':
        lose('back end', answer.rejected, answer.why);
        break;
      case 'later':
        lose('sending', spans, answer.why);
        break;
      case 'refused':
        lose('back end', spans, answer.why);
        break;
      default:
        answer satisfies never;
    }
  }
}

/** Each is counted, and all of a while are said together: a collector may be away for long. */
function createLosses(clock: Clock, telemetry: Telemetry) {
  let unsaid = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  return (where: 'sending' | 'back end', spans: number, why: string): void => {
    telemetry.count(metrics.lost, { where }, spans);
    unsaid += spans;
    if (clock.now() - saidAt < sayAgainMs) return;
    telemetry.log('warn', 'spans of traces are lost', { spans: unsaid, why });
    saidAt = clock.now();
    unsaid = 0;
  };
}
