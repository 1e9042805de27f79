// What every function does around its work: tells what it counted when it ends, and ends in time. A function that runs
// out of time is killed without a word; one that gives up a moment before says what it was at.

import type { Clock } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** What is used of what Lambda tells an invocation beside its event. */
interface InvocationContext {
  awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

interface InvocationTelemetry extends Telemetry {
  begin(requestId: string): void;
  flush(): void;
}

export type Handler<Answer> = (event: unknown, context?: InvocationContext) => Promise<Answer>;

/** For the last words, and the answer that brings them. */
const lastWordsMs = 400;

export function invocation<Answer>(
  { clock, telemetry }: { clock: Clock; telemetry: InvocationTelemetry },
  work: (event: unknown) => Promise<Answer>,
): Handler<Answer> {
  return async (event, context) => {
    telemetry.begin(context?.awsRequestId ?? 'unknown');
    const leftMs = context?.getRemainingTimeInMillis();
    try {
      if (leftMs === undefined) return await work(event);
      return await within(clock, leftMs - lastWordsMs, work(event));
    } catch (error) {
      telemetry.log('error', 'an invocation failed', { error: String(error) });
      throw error;
    } finally {
      telemetry.flush();
    }
  };
}

/** What goes on behind the scenes then may go on in a next invocation: every handler bears to be run beside itself. */
function within<Answer>(clock: Clock, ms: number, work: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      reject(new Error(`it was not done within ${Math.round(ms)} ms, and would be killed now`));
    });
    work.then(resolve, reject).finally(cancel);
  });
}
