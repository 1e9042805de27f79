// A call that starts something, on its way over a network: it takes effect half-way, is answered at the end, and is
// given up by its caller at `answerBefore`, whatever may come of it later.

import assert from 'node:assert/strict';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { SimulatedCallError } from './faults.ts';
import { drawMs } from './spread.ts';

export async function call(
  context: HostContext,
  kind: 'launch' | 'activate',
  request: LaunchRequest,
  effect: () => LaunchAnswer,
): Promise<LaunchAnswer> {
  const { clock, options, deployment } = context;
  assert.equal(request.deployment, deployment, `a ${kind} for another deployment than this host's`);
  if (clock.now() >= request.answerBefore) throw new SimulatedCallError(kind, request.name);
  const fault = context.faults.launch?.(request, kind);
  const callMs = drawMs(options.callMs, context.random);
  const patienceMs = Math.max(0, request.answerBefore - clock.now());
  const answerMs = Math.min(callMs, patienceMs);
  const isInTime = callMs <= patienceMs;
  const effected = Promise.withResolvers<void>();
  let answer: LaunchAnswer | null = null;

  switch (fault?.kind) {
    case 'refused': {
      const { refusal, reason, retryAfterMs } = fault;
      answer = { outcome: 'refused', refusal, reason, retryAfterMs };
      break;
    }
    case 'failed':
      break;
    case 'late':
      assert.ok(
        fault.afterMs <= options.callEffectMs,
        `a launch ${fault.afterMs} ms late: callEffectMs is less`,
      );
      clock.after(answerMs + fault.afterMs, effect);
      break;
    case 'answerLost':
    case undefined:
      clock.after(Math.min(callMs / 2, patienceMs + options.callEffectMs), () => {
        answer = effect();
        effected.resolve();
      });
      break;
    default:
      return fault satisfies never;
  }

  await clock.sleep(answerMs);
  // Timers of the system that are due together may come in any order: the effect is before the answer all the same.
  if (fault === undefined && isInTime) await effected.promise;
  if (answer === null || !isInTime || fault?.kind === 'answerLost')
    throw new SimulatedCallError(kind, request.name);
  return answer;
}
