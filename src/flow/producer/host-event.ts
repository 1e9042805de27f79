// The second door: a host says that a machine is gone. The word of a host frees a place.

import type { HostName } from '../../core/ids.ts';
import type { OwnRunner } from '../../core/plan/count.ts';
import { readable } from '../../core/reason.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HostEvent } from '../../ports/host.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { metrics } from './metrics.ts';

export interface HostEventDeps {
  clock: Clock;
  table: JobsTable;
  telemetry: Telemetry;
  own: OwnRunner;
}

export function createHostEventDoor(
  deps: HostEventDeps,
): (host: HostName, event: HostEvent) => Promise<void> {
  const { clock, table, telemetry } = deps;
  return async (host, event) => {
    const own = deps.own(event.name);
    if (own?.host !== host) {
      telemetry.count(metrics.hostEvents, { host, outcome: 'stranger' });
      return;
    }
    const named = await table.readRunner(own.name);
    // A spare's machine may die after its place was handed over, and before it knows its new name.
    const runner = named?.activatedAs ? await table.readRunner(named.activatedAs) : named;
    // An event of another machine of this name, one that a lost call started, says nothing about this one.
    const isOther = runner?.machine && event.machine && runner.machine !== event.machine;
    if (!runner || isOther) return;
    const fact = { kind: 'gone', code: 'ended', why: readable(event.cause) } as const;
    const { outcome } = await table.recordRunner(runner.name, [fact], clock.now());
    telemetry.count(metrics.hostEvents, { host, outcome });
  };
}
