// What a machine says about itself.

import { env } from 'node:process';
import { makeMilestoneDoor } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { httpDoor, machineBytesMax, parseJson } from '../http.ts';
import { invocation } from '../invocation.ts';
import { openTable } from '../ports.ts';

const environment = readEnvironment(env, variables.milestones);
const { context, table } = await openTable(environment);
const milestone = makeMilestoneDoor(context, { table });

export const handler = invocation(
  context,
  httpDoor({ routeKey: 'POST /runners/milestones', bytesMax: machineBytesMax }, ({ body }) =>
    milestone(parseJson(body)),
  ),
);
