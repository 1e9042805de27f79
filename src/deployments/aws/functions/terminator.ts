// Ends runners of one host, for one operating system: at GitHub first, then at the host.

import { env } from 'node:process';
import { handleSqsEvent } from '../../../adapters/topics/aws/index.ts';
import { makeTerminator } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { openGitHub } from '../github.ts';
import type { HostOpeners } from '../host-opener.ts';
import { invocation } from '../invocation.ts';
import { parseOrder } from '../messages.ts';
import { hostNamed, openHosts, openTable, queueOf } from '../ports.ts';

/** A token, a look and a removal: within the function's 40 s. */
const gitHubMsMax = 8_000;

export async function handlerOf(openers: HostOpeners) {
  const environment = readEnvironment(env, variables.terminator);
  const opened = await openTable(environment);
  const { context, table, budgets } = opened;
  const github = openGitHub(context, environment, { timeoutMs: gitHubMsMax });
  const { hostName, host } = hostNamed(openHosts(openers, opened, environment.HOST), environment.HOST);

  return invocation(
    context,
    handleSqsEvent(
      { ...queueOf(context, environment, `terminate-${hostName}`), parse: parseOrder },
      makeTerminator(context, { table, github, budgets: budgets(), host }, hostName),
    ),
  );
}
