// A running invocation can not be stopped by anybody but the program in it. Its runner is removed at GitHub before this is
// asked, so that an idle one ends by itself; a job at its pool's wall is stopped by the program, which knows the time.

import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { hardEndOf } from './hard-end.ts';

export function terminate({ clock }: HostContext, { machine }: MachineRef): TerminateAnswer {
  // Its launch was never answered: it may still take effect.
  if (machine === null) return 'ending';
  const hardEnd = hardEndOf(machine);
  return hardEnd === null || clock.now() >= hardEnd ? 'gone' : 'ending';
}
