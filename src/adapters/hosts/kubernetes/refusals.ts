// What an API server answers when it does not do what it was asked, and what that means for a launch.
//
//   noRoom    a quota is full (403): evidence about the pool, and another try is worth it later
//   later     429, and faults of the server's own (5xx): says nothing about the pool
//   exists    409: something of this name is there
//   never     what a person has to mend: a right that is missing (403), a field that is wrong (400, 422), a namespace
//             that is not there (404)
//
// [Kubernetes: API concepts; HTTP API codes of `metav1.Status`]

import { z } from 'zod';

export type Meaning = 'noRoom' | 'later' | 'exists' | 'never';

const retrySecondsMax = 300;
/** For people; the server repeats whole objects in some of its messages. */
const messageLengthMax = 400;

const status = z.object({
  reason: z.string().default(''),
  message: z.string().default(''),
  details: z.object({ retryAfterSeconds: z.number().int().default(0) }).default({ retryAfterSeconds: 0 }),
});

/** The server answered, and did nothing; or, with 5xx, what it did before it failed. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly said: string;
  readonly retryAfterMs: number | null;

  constructor(
    what: string,
    given: { status: number; reason: string; said: string; retryAfterMs: number | null },
  ) {
    super(`${what}: ${given.said} (${given.status}${given.reason && ` ${given.reason}`})`);
    this.name = 'Refusal';
    this.status = given.status;
    this.reason = given.reason;
    this.said = given.said;
    this.retryAfterMs = given.retryAfterMs;
  }
}

/** No answer came, or not all of it. Where nothing was sent, nothing came of it. */
export class Unanswered extends Error {
  readonly sent: boolean;

  constructor(what: string, { cause, sent }: { cause: unknown; sent: boolean }) {
    super(`${what}: no answer (${cause instanceof Error ? cause.message : String(cause)})`, { cause });
    this.name = 'Unanswered';
    this.sent = sent;
  }
}

export function readRefusal(
  what: string,
  code: number,
  text: string,
  retryAfter: string | undefined,
): Refusal {
  const read = status.safeParse(parsed(text));
  const said = (read.data?.message || text || 'no reason given').slice(0, messageLengthMax);
  const seconds = Number(retryAfter ?? read.data?.details.retryAfterSeconds ?? 0);
  const retryAfterMs = seconds > 0 ? Math.min(seconds, retrySecondsMax) * 1000 : null;
  return new Refusal(what, { status: code, reason: read.data?.reason ?? '', said, retryAfterMs });
}

export function meaningOf({ status: code, said }: Refusal): Meaning {
  // What is full is told by the same code as what is forbidden.
  if (code === 403 && said.includes('exceeded quota')) return 'noRoom';
  if (code === 409) return isAlreadyThere(said) ? 'exists' : 'later';
  if (code === 429 || code >= 500) return 'later';
  // A token that has just run out: it is made anew.
  if (code === 401) return 'later';
  return 'never';
}

/** The other 409 is a race for an object, a quota's mostly: "please apply your changes to the latest version". */
function isAlreadyThere(said: string): boolean {
  return said.includes('already exists') || said.includes('object is being deleted');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
