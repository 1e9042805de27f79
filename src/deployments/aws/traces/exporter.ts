// Messages of spans → requests to the back end. What it takes later comes back at its time; what it refuses is lost,
// which is said once for each batch, as trying again would not help. A message that comes twice has the same spans with
// the same ids.

import type { Delivered } from '../../../adapters/tracers/otlp/delivery.ts';
import { metrics, type UnpackedSpans } from '../../../adapters/tracers/queue/index.ts';
import type { Span } from '../../../core/spans.ts';
import type { BatchHandler, MessageOutcome, ReceivedMessage } from '../../../ports/queue.ts';
import type { Telemetry } from '../../../ports/telemetry.ts';
import type { BackEnd } from './opener.ts';

/** X-Ray takes 5 MB and 10,000 spans in a request; collectors take more. [CloudWatch: OTLP endpoint limits] */
const requestBytesMax = 4 * 1024 * 1024;
const requestSpansMax = 8_000;

/** A back end that is restarted is back within minutes. Five tries wait for 10 minutes together. */
const laterMsMin = 60_000;
const laterMsMax = 900_000;

type Message = ReceivedMessage<UnpackedSpans>;

export function createExporter(
  { deliver, spreadMsMax }: BackEnd,
  telemetry: Telemetry,
): BatchHandler<UnpackedSpans> {
  return async (batch) => {
    const outcomes: MessageOutcome[] = [];
    for (const messages of requestsOf(batch)) outcomes.push(...(await exportAll(messages)));
    return outcomes;
  };

  async function exportAll(messages: readonly Message[]): Promise<MessageOutcome[]> {
    const spans = messages.flatMap(({ body }) => body.spans);
    const answers: Delivered[] = [];
    for (const near of together(spans, spreadMsMax)) {
      const answer = await deliver(near);
      answers.push(answer);
      say(answer, near.length);
    }
    const later = answers.filter((answer) => answer.outcome === 'later');
    if (later.length === 0) return messages.map(({ id }) => ({ id, outcome: 'done' }));
    const asked = Math.max(...later.map(({ afterMs }) => afterMs ?? 0));
    return messages.map(({ id, receiveCount }) => {
      const delayMs = Math.min(Math.max(laterMsMin * receiveCount, asked), laterMsMax);
      return { id, outcome: 'retry', delayMs };
    });
  }

  function say(answer: Delivered, spans: number): void {
    switch (answer.outcome) {
      case 'taken':
        return;
      case 'later':
        telemetry.log('warn', 'the back end of traces is asked again later', { spans, why: answer.why });
        return;
      case 'partly':
        telemetry.count(metrics.lost, { where: 'back end' }, answer.rejected);
        telemetry.log('warn', 'the back end did not take all spans of traces', {
          spans: answer.rejected,
          why: answer.why,
        });
        return;
      case 'refused':
        telemetry.count(metrics.lost, { where: 'back end' }, spans);
        telemetry.log('error', 'the back end refuses spans of traces', { spans, why: answer.why });
        return;
      default:
        answer satisfies never;
    }
  }
}

/** In the order of their coming, as many as a request may hold. */
function requestsOf(batch: readonly Message[]): Message[][] {
  const requests: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  let spans = 0;
  for (const message of batch) {
    bytes += message.body.bytes;
    spans += message.body.spans.length;
    const last = requests.at(-1);
    if (last && bytes <= requestBytesMax && spans <= requestSpansMax) {
      last.push(message);
      continue;
    }
    requests.push([message]);
    bytes = message.body.bytes;
    spans = message.body.spans.length;
  }
  return requests;
}

/** By their times, so that none of a request is further from another than that. A longer span is by itself. */
function together(spans: readonly Span[], spreadMsMax: number): Span[][] {
  const groups: Span[][] = [];
  let fromMs = 0;
  let untilMs = 0;
  for (const span of [...spans].sort((a, b) => a.startMs - b.startMs)) {
    const last = groups.at(-1);
    untilMs = Math.max(untilMs, span.endMs);
    if (last && untilMs - fromMs <= spreadMsMax) {
      last.push(span);
      continue;
    }
    groups.push([span]);
    fromMs = span.startMs;
    untilMs = span.endMs;
  }
  return groups;
}
