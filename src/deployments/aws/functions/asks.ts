// Asks GitHub what became of a job.

import { env } from 'node:process';
import { handleSqsEvent } from '../../../adapters/topics/aws/index.ts';
import { makeAsks } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { openGitHub } from '../github.ts';
import { invocation } from '../invocation.ts';
import { parseOrder } from '../messages.ts';
import { openTable, queueOf, traced } from '../ports.ts';

/** One after the other, ten of a batch: the function's 60 s are enough for most, and the rest comes again. */
const gitHubMsMax = 5_000;

const environment = readEnvironment(env, variables.asks);
const { context, table, budgets } = await openTable(environment);
const github = openGitHub(context, environment, { timeoutMs: gitHubMsMax });

export const handler = invocation(
  context,
  handleSqsEvent(
    { ...queueOf(context, environment, 'asks'), parse: parseOrder },
    makeAsks(traced(context, environment), { table, github, budgets: budgets() }),
  ),
);
