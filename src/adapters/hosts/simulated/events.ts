// The host's word that a machine is dead, or taken back soon, on its way: late, twice or never.

import type { Cancel } from '../../../ports/clock.ts';
import type { HostEvent } from '../../../ports/host.ts';
import type { HostContext } from './context.ts';
import { type Death, type MachineView, takenBack } from './ground.ts';
import { drawMs } from './spread.ts';

export function deliverEvents(context: HostContext, onEvent: (event: HostEvent) => Promise<void>): Cancel {
  const { ground, clock, options, random, faults, deployment } = context;
  let isOpen = true;

  function send(event: HostEvent, afterMs: number): void {
    clock.after(afterMs, () => {
      if (isOpen) onEvent(event).catch(() => {});
    });
  }

  function deliver(view: MachineView, said: Pick<HostEvent, 'happened' | 'cause' | 'takenAt'>): void {
    if (view.deployment !== deployment) return;
    const fault = faults.event?.(view);
    if (fault?.kind === 'lost') return;
    const event: HostEvent = { name: view.name, machine: view.machine, at: clock.now(), ...said };
    const afterMs = fault?.kind === 'late' ? fault.afterMs : drawMs(options.eventMs, random);
    send(event, afterMs);
    if (fault?.kind === 'twice') send(event, afterMs + fault.againAfterMs);
  }

  const stops = [
    ground.onDeath(({ machine, cause, silently }: Death) => {
      // Where no notice came, the end says why.
      const taken = cause === takenBack ? { takenAt: clock.now() } : {};
      if (!silently) deliver(machine, { happened: 'gone', cause, ...taken });
    }),
    ground.onNotice(({ machine, takenAt }) =>
      deliver(machine, { happened: 'interrupted', cause: 'its platform takes it back', takenAt }),
    ),
  ];

  return () => {
    isOpen = false;
    for (const stop of stops) stop();
  };
}
