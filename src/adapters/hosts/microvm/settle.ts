// One call that starts or wakes a machine, made until it is known what came of it. The same request with the same token
// is asked again where an answer was lost: Lambda then answers for the first. Once an answer was lost, a refusal that
// comes later proves nothing about it; so in doubt only a good answer settles, and what stays in doubt is thrown.

import type { EpochMs } from '../../../ports/clock.ts';
import type { HostContext } from './context.ts';
import { isThrottle, meaningOf } from './refusals.ts';

/** What Lambda said, with its code: it refused the call and did nothing. */
export interface Refused {
  code: string;
  message: string;
  /** As the answer says. */
  retryAfterMs: number | null;
}

export type Settled<Answer> = { answer: Answer } | { refused: Refused };

/** Tries of one token. Its time is over before, mostly. */
const triesMax = 4;
const pauseMsFirst = 300;
/** What a try needs at least to be worth it. */
const tryMsMin = 250;

export async function settle<Answer>(
  { clock, random }: Pick<HostContext, 'clock' | 'random'>,
  answerBefore: EpochMs,
  call: (signal: AbortSignal) => Promise<Answer>,
): Promise<Settled<Answer>> {
  let doubt: unknown = null;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    const leftMs = answerBefore - clock.now();
    if (leftMs < tryMsMin) break;
    const patience = new AbortController();
    const giveUp = clock.after(leftMs, () => patience.abort());
    try {
      return { answer: await call(patience.signal) };
    } catch (error) {
      const refused = refusalOf(error);
      if (refused && doubt === null) return { refused };
      if (refused && meaningOf(refused.code) !== 'later') throw inDoubt(doubt, refused);
      doubt ??= error;
    } finally {
      giveUp();
    }
    await clock.sleep(
      Math.min(random() * pauseMsFirst * 2 ** tries, Math.max(0, answerBefore - clock.now())),
    );
  }
  throw inDoubt(doubt, null);
}

/** Answered with a code, and not by a fault of Lambda's own: it has done nothing. Want of room it says with 500. */
function refusalOf(error: unknown): Refused | null {
  if (!(error instanceof Error) || !('$metadata' in error)) return null;
  const status = (error.$metadata as { httpStatusCode?: number }).httpStatusCode ?? 0;
  const isDefinite =
    (status >= 400 && status < 500) || isThrottle(error) || meaningOf(error.name) === 'noRoom';
  if (!isDefinite) return null;
  const seconds = 'retryAfterSeconds' in error ? Number(error.retryAfterSeconds) : Number.NaN;
  return {
    code: error.name,
    message: error.message,
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null,
  };
}

function inDoubt(doubt: unknown, refused: Refused | null): Error {
  const then = refused ? `, and asked again it said ${refused.code}: ${refused.message}` : '';
  const what =
    doubt === null ? 'there was no time left to ask' : `Lambda gave no answer (${String(doubt)})${then}`;
  return new Error(`${what}: whether something started is not known`, { cause: doubt });
}
