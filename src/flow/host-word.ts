// What a host says of a machine, as facts about its runner. That it is gone frees its place; that its boot has failed is an
// intent to end it, as any other; that it is taken back is one too, unless it has a job; that it waits is a note.

import { readable } from '../core/reason.ts';
import type { RunnerFact } from '../core/runner.ts';
import type { HostEvent } from '../ports/host.ts';

/** How a note begins that a host makes. */
export const itsHost = 'its host';

/** An event of another machine of this name, one that a lost call started, says nothing about this one. */
export function factsOfHost(said: Omit<HostEvent, 'name' | 'at'>): RunnerFact[] {
  const { happened, cause, machine, takenAt, neverClaimed } = said;
  const why = readable(cause);
  const interrupted: RunnerFact = { kind: 'interrupted', why, machine, takenAt };
  switch (happened) {
    case 'gone': {
      const gone: RunnerFact = {
        kind: 'gone',
        code: 'ended',
        why,
        machine,
        ...(neverClaimed && { neverClaimed }),
      };
      return takenAt === undefined ? [gone] : [interrupted, gone];
    }
    case 'failed':
      return [{ kind: 'removing', code: 'refused', why }];
    case 'interrupted':
      return [interrupted];
    case 'waits':
      return [{ kind: 'note', what: itsHost, why }];
    default:
      return happened satisfies never;
  }
}
