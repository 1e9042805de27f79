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

/** As the claim's: from a runner to the spare on its machine, and to the runner that this became. */
const hopsMax = 4;

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
    const facts = factsOf(event);
    let recorded = await table.recordRunner(own.name, facts, clock.now());
    // A machine may die after its place was handed over, once or twice, and before it knows its new name.
    for (let hops = 0; hops < hopsMax && recorded.outcome === 'unchanged'; hops += 1) {
      if (recorded.runner.activatedAs === null) break;
      recorded = await table.recordRunner(recorded.runner.activatedAs, facts, clock.now());
    }
    telemetry.count(metrics.hostEvents, { host, outcome: recorded.outcome });
  };
}

/** An event of another machine of this name, one that a lost call started, says nothing about this one. */
function factsOf({ happened, cause, machine, takenAt, neverClaimed }: HostEvent): RunnerFact[] {
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
      return [{ kind: 'note', what: 'its host', why }];
    default:
      return happened satisfies never;
  }
}
