// Everything that can go wrong on a simulated host, decided from outside: the host asks at each turn and does what it
// is told, so that the host itself stays honest and a seed decides the rest. A hook that is missing, or that answers
// `undefined`, lets things go well.

import type { LaunchRequest, MachineRef, Refusal } from '../../../ports/host.ts';
import type { MachineView } from './ground.ts';

export interface SimulatedFaults {
  /** Asked for each call that would start or activate a machine, when it is made. */
  launch?(request: LaunchRequest, call: 'launch' | 'activate'): LaunchFault | undefined;
  /** Asked once for each machine, at its birth. */
  life?(machine: MachineView): LifeFault | undefined;
  terminate?(target: MachineRef): TerminateFault | undefined;
  describe?(target: MachineRef): ReadFault | undefined;
  list?(): ReadFault | undefined;
  /** Asked for each death. */
  event?(machine: MachineView): EventFault | undefined;
}

export type LaunchFault =
  | { kind: 'refused'; refusal: Refusal; reason: string; retryAfterMs: number | null }
  /** The machine lives, the call throws. */
  | { kind: 'answerLost' }
  /** The call throws; `afterMs` later, `callEffectMs` at most, the machine is born all the same. */
  | { kind: 'late'; afterMs: number }
  /** The call throws, and nothing comes of it. */
  | { kind: 'failed' };

export interface LifeFault {
  /** It is alive, and its program never runs. */
  boots?: 'never';
  /** It dies by itself after this time (a panic, a power cut); with `silently`, no event tells. */
  vanishes?: { afterMs: number; silently: boolean };
  /** Its platform takes it back after this time, and says so `noticeMs` before; not a word where `untold`. */
  interrupted?: { afterMs: number; noticeMs: number; untold: boolean };
}

export type TerminateFault =
  /** The call throws, and nothing comes of it. */
  | { kind: 'failed' }
  /** The machine ends, the call throws. */
  | { kind: 'answerLost' }
  /** The call is answered as ever, and the machine takes this long to end. */
  | { kind: 'slow'; endingMs: number };

/** How old the answer is, machine by machine: `listStalenessMs` at most. */
export type ReadFault =
  | { kind: 'failed' }
  | { kind: 'unknown' }
  | { kind: 'stale'; ageMs: (name: string) => number };

type EventFault =
  | { kind: 'lost' }
  | { kind: 'late'; afterMs: number }
  | { kind: 'twice'; againAfterMs: number };

/** What a call throws that nobody knows the outcome of: a time-out, a broken connection, a 5xx. */
export class SimulatedCallError extends Error {
  constructor(call: string, name: string, options?: ErrorOptions) {
    super(
      `the simulated host gave no answer to ${call} of ${name}: whether it took effect is not known`,
      options,
    );
    this.name = 'SimulatedCallError';
  }
}
