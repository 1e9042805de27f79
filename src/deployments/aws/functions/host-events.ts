// What hosts say about their machines, by EventBridge. Each host of the configuration reads the event its own way; the
// name of the runner tells whose machine it was.

import { env } from 'node:process';
import { parseRunnerName } from '../../../core/ids.ts';
import { makeHostEventDoor } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import type { EventReaders } from '../host-opener.ts';
import { type Handler, invocation } from '../invocation.ts';
import { openTable } from '../ports.ts';

export async function handlerOf(readers: EventReaders): Promise<Handler<void>> {
  const environment = readEnvironment(env, variables.hostEvents);
  const { context, table } = await openTable(environment);
  const hostEvent = makeHostEventDoor(context, { table });

  return invocation(context, async (event) => {
    for (const settings of context.configuration.hosts) {
      const told = await readers[settings.type]?.readEvent(event, settings);
      if (!told || parseRunnerName(told.name)?.host !== settings.name) continue;
      // A machine is of one host: to ask the others would cost a call to each.
      await hostEvent(settings.name, told);
      return;
    }
  });
}
