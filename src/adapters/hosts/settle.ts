// One call that starts or wakes a machine, made until it is known what came of it. The same request with the same token
// is asked again where an answer was lost: the platform then answers for the first. Once an answer was lost, a refusal
// that comes later proves nothing about it; so in doubt only a good answer settles, and what stays in doubt is thrown.

import type { Clock, EpochMs, Random } from '../../ports/clock.ts';

/** What the platform said, with its code: it refused the call and did nothing. */
export interface Refused {
  code: string;
  message: string;
}

type Settled<Answer, Said extends Refused> = { answer: Answer } | { refused: Said };

export type Settle<Said extends Refused> = <Answer>(
  time: { clock: Clock; random: Random },
  answerBefore: EpochMs,
  call: (signal: AbortSignal) => Promise<Answer>,
) => Promise<Settled<Answer, Said>>;

export interface Platform<Said extends Refused> {
  name: string;
  /** `null`: a fault, or no answer: it may have done something. */
  refusalOf(error: unknown): Said | null;
  /** It was asked too much: in doubt too, it is worth another try. */
  isLater(refused: Said): boolean;
}

/** Tries of one token. Its time is over before, mostly. */
const triesMax = 4;
const pauseMsFirst = 300;
/** What a try needs at least to be worth it. */
const tryMsMin = 250;

export function createSettle<Said extends Refused>(platform: Platform<Said>): Settle<Said> {
  return async ({ clock, random }, answerBefore, call) => {
    let doubt: unknown = null;
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const leftMs = answerBefore - clock.now();
      if (leftMs < tryMsMin) break;
      const patience = new AbortController();
      const giveUp = clock.after(leftMs, () => patience.abort());
      try {
        return { answer: await call(patience.signal) };
      } catch (error) {
        const refused = platform.refusalOf(error);
        if (refused && doubt === null) return { refused };
        if (refused && !platform.isLater(refused)) throw inDoubt(platform.name, doubt, refused);
        doubt ??= error;
      } finally {
        giveUp();
      }
      await clock.sleep(
        Math.min(random() * pauseMsFirst * 2 ** tries, Math.max(0, answerBefore - clock.now())),
      );
    }
    throw inDoubt(platform.name, doubt, null);
  };
}

function inDoubt(name: string, doubt: unknown, refused: Refused | null): Error {
  const then = refused ? `, and asked again it said ${refused.code}: ${refused.message}` : '';
  const what =
    doubt === null ? 'there was no time left to ask' : `${name} gave no answer (${String(doubt)})${then}`;
  return new Error(`${what}: whether something started is not known`, { cause: doubt });
}
