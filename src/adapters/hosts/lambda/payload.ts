// What an invocation is told: whose runner it is, where it claims, and with what. The program in the image reads it
// with the tools of a shell, so it is flat, and its texts have nothing to escape. Lambda gives it back with the result,
// by which a result is known for this runner's: no job can write that.

import { z } from 'zod';
import type { LaunchRequest } from '../../../ports/host.ts';

export const payloadSchema = z.object({
  runner: z.string().max(64),
  attempt: z.int(),
  claimUrl: z.string().max(2_048),
  /** Good for one claim, and for notes. Spent, or refused, before any job runs. */
  token: z.string().max(200),
  lifetimeSeconds: z.int(),
});

type Payload = z.output<typeof payloadSchema>;

const plain = /^[\x21\x23-\x5b\x5d-\x7e]*$/;

export function payloadOf({ name, attempt, lifetimeMsMax, configuration }: LaunchRequest): Uint8Array {
  if (configuration.kind !== 'claimed')
    throw new Error(`runner ${name}: a function claims its configuration, and is handed none`);
  const { url, token } = configuration;
  for (const [what, text] of Object.entries({ url, token }))
    if (!plain.test(text)) throw new Error(`runner ${name}: the ${what} of its claim has to be escaped`);
  const payload: Payload = {
    runner: name,
    attempt,
    claimUrl: url,
    token,
    lifetimeSeconds: Math.ceil(lifetimeMsMax / 1_000),
  };
  return new TextEncoder().encode(JSON.stringify(payload));
}
