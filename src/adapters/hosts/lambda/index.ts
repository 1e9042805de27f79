// Functions of Lambda: for many jobs of a few minutes each. Linux, without Docker, without root.
//
//   launch     Invoke, asynchronous: the event waits in Lambda's queue, and one environment runs one runner
//   terminate  nothing that could be called: `gone` after the hard end, `ending` before
//   describe   by the machine's id alone, which carries its hard end;  list: unknown
//
// What an invocation is there for is decided by its claim: Lambda may run an event twice, and the second one is refused
// there and ends. Its end comes by the function's destinations, through EventBridge; where that is lost, by the hard end.

import type { Host } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { describe } from './describe.ts';
import { launch } from './launch.ts';
import { lambdaTraits } from './options.ts';
import { terminate } from './terminate.ts';

export function createLambdaHost(context: HostContext): Host {
  return {
    traits: lambdaTraits(),
    launch: (request) => launch(context, request),
    activate: async () => ({
      outcome: 'refused',
      refusal: 'invalid',
      reason: 'a function can not stand by',
      retryAfterMs: null,
    }),
    terminate: async (target) => terminate(context, target),
    describe: async (target) => describe(context, target),
    list: async () => 'unknown',
  };
}
