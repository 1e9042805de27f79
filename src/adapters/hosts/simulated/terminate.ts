import type { MachineRef, TerminateAnswer } from '../../../ports/host.ts';
import { type HostContext, machinesMeant } from './context.ts';
import { SimulatedCallError } from './faults.ts';
import { drawMs } from './spread.ts';

export async function terminate(context: HostContext, target: MachineRef): Promise<TerminateAnswer> {
  const { clock, options, random, faults } = context;
  const fault = faults.terminate?.(target);
  const callMs = drawMs(options.callMs, random);
  const endingMs = fault?.kind === 'slow' ? fault.endingMs : drawMs(options.endingMs, random);
  const effected = Promise.withResolvers<void>();
  let answer: TerminateAnswer | null = null;
  if (fault?.kind !== 'failed') {
    clock.after(callMs / 2, () => {
      answer = end(context, target, endingMs);
      effected.resolve();
    });
  }
  await clock.sleep(callMs);
  // Timers of the system that are due together may come in any order: the effect is before the answer all the same.
  if (fault?.kind !== 'failed') await effected.promise;
  if (answer === null || fault?.kind === 'answerLost') throw new SimulatedCallError('terminate', target.name);
  return answer;
}

/**
 * A name that was never seen here may belong to a launch that takes effect later: that it is gone would be a lie, so
 * the answer is `ending`, and the list tells when it is past doubt.
 */
function end(context: HostContext, target: MachineRef, endingMs: number): TerminateAnswer {
  const living = machinesMeant(context, target).filter((machine) => machine.diedAt === null);
  for (const machine of living) context.ground.end(machine, endingMs, 'it was told to end');
  if (living.length > 0) return 'ending';
  const isKnown = target.machine !== null || [...context.ground.named(target.name)].length > 0;
  return isKnown ? 'gone' : 'ending';
}
