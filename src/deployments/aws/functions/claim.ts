// A machine asks for its just-in-time configuration.

import { env } from 'node:process';
import { makeClaimDoor } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { openGitHub } from '../github.ts';
import type { Identifiers } from '../host-opener.ts';
import { httpDoor, machineBytesMax, parseJson } from '../http.ts';
import { identifyBy } from '../identify.ts';
import { invocation } from '../invocation.ts';
import { openTable } from '../ports.ts';

/** A token and a mint, and after a lost answer a removal between them: all within the function's 25 s. */
const gitHubMsMax = 6_000;

export async function handlerOf(identifiers: Identifiers) {
  const environment = readEnvironment(env, variables.claim);
  const { context, table, budgets } = await openTable(environment);
  const github = openGitHub(context, environment, { timeoutMs: gitHubMsMax });
  const ports = { table, github, budgets: budgets() };
  const claim = makeClaimDoor(context, ports, identifyBy(identifiers, context, environment));

  return invocation(
    context,
    httpDoor({ routeKey: 'POST /runners/claim', bytesMax: machineBytesMax }, ({ body }) =>
      claim(parseJson(body)),
    ),
  );
}
