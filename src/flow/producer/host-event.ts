// The second door: what a host says of a machine, by itself.

import type { HostName, RunnerName } from '../../core/ids.ts';
import type { OwnRunner } from '../../core/plan/count.ts';
import type { Clock } from '../../ports/clock.ts';
import type { HostEvent } from '../../ports/host.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import { followMachine } from '../goes-on.ts';
import { factsOfHost } from '../host-word.ts';
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
    const facts = factsOfHost(event);
    const record = (name: RunnerName) => table.recordRunner(name, facts, clock.now());
    // A machine may die after its place was handed over, once or twice, and before it knows its new name.
    const recorded = await followMachine(
      await record(own.name),
      (seen) => (seen.outcome === 'unchanged' ? seen.runner.activatedAs : null),
      record,
    );
    telemetry.count(metrics.hostEvents, { host, outcome: recorded.outcome });
  };
}
