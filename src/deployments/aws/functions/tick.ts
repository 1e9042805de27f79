// The Reconciler, each minute. Each new environment of this function starts the deployment first, as one process does:
// every host is told to recount, and every regular look is planted. So a deploy with a new configuration is taken up,
// and a start that was lost is made up for, within a minute.

import { env } from 'node:process';
import { makeTick, startDeployment } from '../../stations.ts';
import { readEnvironment, variables } from '../environment.ts';
import { invocation } from '../invocation.ts';
import { openPublisherTopic, openSteps, openTable } from '../ports.ts';

const environment = readEnvironment(env, variables.tick);
const { context, table } = await openTable(environment);
const steps = openSteps(context, environment);
const publisherTopic = openPublisherTopic(context, environment);
const tick = makeTick(context, { table, steps });
let isStarted = false;

export const handler = invocation(context, async () => {
  if (!isStarted)
    await startDeployment(
      context,
      { table, publisherTopic },
      {
        gitHubAddressesOnly: environment.GITHUB_ADDRESSES_ONLY,
      },
    );
  isStarted = true;
  await tick();
});
