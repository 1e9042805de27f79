// What a machine says about itself.

import { env } from 'node:process';
import { makeMilestoneDoor } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import type { Identifiers } from '../host-opener.ts';
import { httpDoor, machineBytesMax, parseJson } from '../http.ts';
import { identifyBy } from '../identify.ts';
import { invocation } from '../invocation.ts';
import { openTable } from '../ports.ts';

export async function handlerOf(identifiers: Identifiers) {
  const environment = readEnvironment(env, variables.milestones);
  const { context, table } = await openTable(environment);
  const milestone = makeMilestoneDoor(context, { table }, identifyBy(identifiers, context, environment));

  return invocation(
    context,
    httpDoor({ routeKey: 'POST /runners/milestones', bytesMax: machineBytesMax }, ({ body }) =>
      milestone(parseJson(body)),
    ),
  );
}
