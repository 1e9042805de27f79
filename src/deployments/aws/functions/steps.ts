// The Reconciler's steps, one at a time.

import { env } from 'node:process';
import { handleSqsEvent } from '../../../adapters/topics/aws/index.ts';
import { makeSteps } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { openGitHub } from '../github.ts';
import type { HostOpeners } from '../host-opener.ts';
import { invocation } from '../invocation.ts';
import { parseStep } from '../messages.ts';
import {
  openHosts,
  openJobsTopic,
  openPublisherTopic,
  openSteps,
  openTable,
  queueOf,
  traced,
} from '../ports.ts';

/** GitHub itself gives up after 10 s; a list of many pages takes several of them at once. */
const gitHubMsMax = 10_000;

export async function handlerOf(openers: HostOpeners) {
  const environment = readEnvironment(env, variables.steps);
  const opened = await openTable(environment);
  const { context, table, budgets } = opened;

  return invocation(
    context,
    handleSqsEvent(
      { ...queueOf(context, environment, 'steps'), parse: parseStep },
      makeSteps(traced(context, environment), {
        table,
        budgets: budgets(),
        github: openGitHub(context, environment, { timeoutMs: gitHubMsMax }),
        hosts: openHosts(openers, opened),
        publisherTopic: openPublisherTopic(context, environment),
        jobsTopic: openJobsTopic(context, environment),
        steps: openSteps(context, environment),
      }),
    ),
  );
}
