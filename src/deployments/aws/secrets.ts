// Secrets, read from where they are kept at their first use, and again when they are five minutes old, so that one that was
// changed is known soon. One that can not be read again is used for a while longer, and that is said. Nothing of a
// secret is in a log or an error.

import { z } from 'zod';
import type { Clock, EpochMs } from '../../ports/clock.ts';
import type { Telemetry } from '../../ports/telemetry.ts';

/** What webhooks are signed with; two while it is being changed. */
export const webhookSecret = z
  .object({ current: z.string().min(1), previous: z.string().nullish() })
  .transform(({ current, previous }) => (previous ? [current, previous] : [current]));

/** The App's id, or its client id, and its key. */
export const appSecret = z.object({
  appId: z.union([z.string().min(1), z.number().int()]).transform(String),
  privateKey: z.string().min(1),
});

export interface Secret<Value> {
  /** As it was within the last five minutes. */
  read(): Promise<Value>;
  /** As it is now; `null` where this was asked for within the last minute, or it can't be read. */
  readAgain(): Promise<Value | null>;
}

/** The text of a secret by its ARN. What a secrets' store is here: `secrets-manager.ts`, or `parameter-store.ts`. */
export type ReadSecret = (arn: string) => Promise<string>;

interface SecretDeps<Value> {
  fetchText: () => Promise<string>;
  schema: z.ZodType<Value>;
  /** For people, and what to look at: its ARN. */
  name: string;
  clock: Clock;
  telemetry: Telemetry;
}

/** A call for each environment of a function and five minutes costs next to nothing. */
const freshMs = 5 * 60_000;
/** An outage of AWS's is over in an hour, or worse than this; a secret that was taken back should not be good for long. */
const staleMsMax = 60 * 60_000;
/** After a read that failed; and between reads that a signature causes, which anybody can send. */
const againMs = 60_000;

/** A read under way is everybody's: ten messages at once are one call. */
export function createSecret<Value>({
  fetchText,
  schema,
  name,
  clock,
  telemetry,
}: SecretDeps<Value>): Secret<Value> {
  let known: { value: Value; readAt: EpochMs } | null = null;
  let triedAt: EpochMs | null = null;
  let askedAgainAt: EpochMs | null = null;
  let reading: Promise<Value> | null = null;

  function fetchValue(): Promise<Value> {
    reading ??= fetchOnce().finally(() => {
      reading = null;
    });
    return reading;
  }

  async function fetchOnce(): Promise<Value> {
    triedAt = clock.now();
    const value = parsed(await fetchText());
    known = { value, readAt: clock.now() };
    return value;
  }

  function parsed(text: string): Value {
    const read = schema.safeParse(jsonOf(text));
    if (read.success) return read.data;
    const fields = [...new Set(read.error.issues.map(({ path }) => path.join('.') || 'all of it'))].join(
      ', ',
    );
    throw new Error(
      `the secret ${name} is not what it should be (${fields}). Remedy: deploy again with .env complete.`,
    );
  }

  function isLately(at: EpochMs | null): boolean {
    return at !== null && clock.now() - at < againMs;
  }

  return {
    async read() {
      if (known === null) return fetchValue();
      const ageMs = clock.now() - known.readAt;
      if (ageMs < freshMs || (ageMs < staleMsMax && isLately(triedAt))) return known.value;
      const { value } = known;
      try {
        return await fetchValue();
      } catch (error) {
        if (ageMs >= staleMsMax) throw error;
        telemetry.log('warn', 'a secret can not be read again, and is used as it was', {
          secret: name,
          ageMs,
          error: String(error),
        });
        return value;
      }
    },
    async readAgain() {
      if (isLately(askedAgainAt)) return null;
      askedAgainAt = clock.now();
      return fetchValue().catch((error: unknown) => {
        telemetry.log('warn', 'a secret can not be read again', { secret: name, error: String(error) });
        return null;
      });
    },
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
