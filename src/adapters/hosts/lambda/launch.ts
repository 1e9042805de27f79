// One event for one runner, which Lambda puts into its queue and answers for at once. It takes no token by which it would
// know a call again: a call that is repeated is another invocation. So an answer that was lost is never asked for a
// second time here; and what was doubled all the same, by Lambda itself, ends at its claim.

import { InvokeCommand } from '@aws-sdk/client-lambda';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { machineOf } from './hard-end.ts';
import { payloadOf } from './payload.ts';
import { meaningOf, retryAfterMsOf } from './refusals.ts';

/** First pause where Lambda is asked too much. */
const laterMsFirst = 1_000;
const laterMsMax = 8_000;

/** What the machine's id begins with where an answer brought no request id. */
const noRequestId = '00000000-0000-0000-0000-000000000000';

export async function launch(context: HostContext, request: LaunchRequest): Promise<LaunchAnswer> {
  const { clock, made, options, client } = context;
  const leftMs = request.answerBefore - clock.now();
  if (leftMs <= 0)
    throw new Error(`launch of runner ${request.name} begins after its time: nothing was asked of Lambda`);
  const functionName = made.functions[request.pool];
  if (functionName === undefined)
    return refused(
      'invalid',
      `pool ${request.pool} has no function: deploy the new configuration first`,
      null,
    );
  const command = new InvokeCommand({
    FunctionName: functionName,
    InvocationType: 'Event',
    Payload: payloadOf(request),
    ...(options.freshEnvironments && { TenantId: request.name }),
  });
  const patience = new AbortController();
  const giveUp = clock.after(leftMs, () => patience.abort());
  try {
    const { $metadata } = await client().send(command, { abortSignal: patience.signal });
    return {
      outcome: 'launched',
      machine: machineOf(requestIdOf($metadata.requestId), clock.now()),
    };
  } catch (error) {
    return refusalOf(context, request, error);
  } finally {
    giveUp();
  }
}

function requestIdOf(given: string | undefined): string {
  return given !== undefined && /^[0-9a-f-]{36}$/.test(given) ? given : noRequestId;
}

function refusalOf(context: HostContext, { name, attempt }: LaunchRequest, error: unknown): LaunchAnswer {
  const meaning = meaningOf(error);
  const said = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  switch (meaning) {
    case 'later':
      return refused('throttled', said, retryAfterMsOf(error) ?? later(context, attempt));
    case 'never':
      return refused('invalid', said, null);
    case 'unknown':
      throw new Error(`runner ${name}: Lambda gave no answer (${said}): whether it will start is not known`, {
        cause: error,
      });
    default:
      return meaning satisfies never;
  }
}

/** Full jitter, so that launchers that were refused together do not ask together again. */
function later({ random }: HostContext, attempt: number): number {
  const most = Math.min(laterMsMax, laterMsFirst * 2 ** attempt);
  return Math.round(laterMsFirst / 2 + random() * (most - laterMsFirst / 2));
}

function refused(
  refusal: 'throttled' | 'invalid',
  reason: string,
  retryAfterMs: number | null,
): LaunchAnswer {
  return { outcome: 'refused', refusal, reason, retryAfterMs };
}
