import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { call } from './call.ts';
import type { HostContext } from './context.ts';
import type { BirthTerms, MachineView } from './ground.ts';
import { simulatedMachine } from './options.ts';
import { drawMs } from './spread.ts';

/** The machine of this name and attempt, dead or alive, or a new one. */
export function launch(context: HostContext, request: LaunchRequest): Promise<LaunchAnswer> {
  return call(context, 'launch', request, () => {
    const { machine } = context.ground.bear(request, (born) => birthTerms(context, request, born));
    return { outcome: 'launched', machine };
  });
}

function birthTerms(context: HostContext, request: LaunchRequest, born: MachineView): BirthTerms {
  const { faults, options, ground, clock } = context;
  const fate = faults.life?.(born);
  if (fate?.vanishes) {
    const { afterMs, silently } = fate.vanishes;
    clock.after(afterMs, () => {
      const machine = ground.byId(born.machine);
      if (machine) ground.die(machine, 'it vanished', silently);
    });
  }
  if (fate?.interrupted) {
    const { afterMs, noticeMs, untold } = fate.interrupted;
    clock.after(Math.max(0, afterMs - noticeMs), () => {
      const machine = ground.byId(born.machine);
      if (machine) ground.interrupt(machine, noticeMs, untold);
    });
  }
  const { bootMs = options.bootMs, reuseMs } = simulatedMachine.parse(request.machine);
  return {
    program: context.program,
    reuses: reuseMs > 0,
    bootMs: fate?.boots === 'never' ? null : drawMs(bootMs, context.random),
  };
}
