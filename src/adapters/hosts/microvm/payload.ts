// What a machine is told when it is launched, by the body of its `/run` hook. The just-in-time configuration does not fit
// (the service takes 4,096 characters, whatever its documents say), and is none of its snapshot's: it is claimed.

import type { LaunchRequest } from '../../../ports/host.ts';
import type { HookPayload } from './image/payload.ts';

/** [the service's model: RunHookPayload] */
const payloadLengthMax = 4_096;

/** Secret: it holds the token. */
export function payloadOf({ name, configuration, traceparent }: LaunchRequest): string {
  if (configuration.kind !== 'claimed')
    throw new Error(`runner ${name}: a MicroVM claims its configuration, it is not handed over`);
  const { url, token } = configuration;
  const payload: HookPayload = { runner: name, claimUrl: url, token, traceparent };
  const text = JSON.stringify(payload);
  if (text.length > payloadLengthMax)
    throw new Error(
      `runner ${name}: what its machine is told has ${text.length} characters, and ${payloadLengthMax} is the most: ` +
        'the address at which machines claim is too long',
    );
  return text;
}
