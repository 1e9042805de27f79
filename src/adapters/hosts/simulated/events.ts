// The host's word that a machine is dead, on its way: late, twice or never.

import type { Cancel } from '../../../ports/clock.ts';
import type { HostEvent } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import type { Death } from './ground.ts';
import { drawMs } from './spread.ts';

export function deliverEvents(context: HostContext, onEvent: (event: HostEvent) => Promise<void>): Cancel {
  const { ground, clock, options, random, faults, deployment } = context;
  let isOpen = true;

  function send(event: HostEvent, afterMs: number): void {
    clock.after(afterMs, () => {
      if (isOpen) onEvent(event).catch(() => {});
    });
  }

  const stop = ground.onDeath(({ machine, cause, silently }: Death) => {
    if (machine.deployment !== deployment || silently) return;
    const fault = faults.event?.(machine);
    if (fault?.kind === 'lost') return;
    const { name } = machine;
    const event: HostEvent = { name, machine: machine.machine, happened: 'gone', cause, at: clock.now() };
    const afterMs = fault?.kind === 'late' ? fault.afterMs : drawMs(options.eventMs, random);
    send(event, afterMs);
    if (fault?.kind === 'twice') send(event, afterMs + fault.againAfterMs);
  });

  return () => {
    isOpen = false;
    stop();
  };
}
