// What happened, in order, as a person reads it; and its hash, by which two runs are told to be the same.

import type { EpochMs } from '../../ports/clock.ts';

export interface SimulatedEvent {
  at: EpochMs;
  what: string;
  /** A job's id, a runner's name, a host's. */
  subject: string;
  detail: string;
}

export interface EventLog {
  add(what: string, subject: string | number, detail?: string): void;
  events(): readonly SimulatedEvent[];
  hash(): string;
}

export function createEventLog(now: () => EpochMs): EventLog {
  const events: SimulatedEvent[] = [];
  let hash = 0x811c9dc5;

  /** FNV-1a over the text's code units. */
  const mix = (text: string): void => {
    for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  };

  return {
    add(what, subject, detail = '') {
      const event = { at: now(), what, subject: String(subject), detail };
      events.push(event);
      mix(`${event.at} ${what} ${event.subject} ${detail};`);
    },
    events: () => events,
    hash: () => `${events.length}-${(hash >>> 0).toString(16).padStart(8, '0')}`,
  };
}
