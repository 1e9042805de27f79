// The second door: what a host says of a machine. That it is gone frees its place; that its boot has failed is an intent
// to end it, as any other; that it is taken back is one too, unless it has a job; that it waits is a note.

import type { HostName } from '../../core/ids.ts';
import type { OwnRunner } from '../../core/plan/count.ts';
import { readable } from '../../core/reason.ts';
import type { RunnerFact } from '../../core/runner.ts';
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
    const fact = factOf(event);
    let recorded = await table.recordRunner(own.name, [fact], clock.now());
    // A spare's machine may die after its place was handed over, and before it knows its new name.
    if (recorded.outcome === 'unchanged' && recorded.runner.activatedAs)
      recorded = await table.recordRunner(recorded.runner.activatedAs, [fact], clock.now());
    telemetry.count(metrics.hostEvents, { host, outcome: recorded.outcome });
  };
}

function factOf({ happened, cause, machine }: HostEvent): RunnerFact {
  const why = readable(cause);
  switch (happened) {
    case 'gone':
      // An event of another machine of this name, one that a lost call started, says nothing about this one.
      return { kind: 'gone', code: 'ended', why, machine };
    case 'failed':
      return { kind: 'removing', code: 'refused', why };
    case 'interrupted':
      return { kind: 'interrupted', why };
    case 'waits':
      return { kind: 'note', what: 'its host', why };
    default:
      return happened satisfies never;
  }
}
