// A deployed system, asked through its own table with the credentials of whoever asks: there is no address for
// operators that could be attacked. Whoever may read the table may ask; whoever may write it may pause a pool.

import { createSystemClock } from '../adapters/clock/system/index.ts';
import { createSystemRandom } from '../adapters/clock/system/random.ts';
import { createDynamoDbJobsTable } from '../adapters/jobs-tables/dynamodb/index.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadConfiguration } from '../config/load.ts';
import { describeProblem, type Problem } from '../config/problem.ts';
import { gitHubName, jobKey } from '../core/ids.ts';
import { lookAtIdentity } from '../deployments/aws/deploy/checks/all.ts';
import type { Clients } from '../deployments/aws/deploy/clients.ts';
import { readDeadLetterQueues } from '../deployments/aws/deploy/dead-letters.ts';
import { moveBack } from '../deployments/aws/deploy/move-back.ts';
import { type DeployedStack, outputOf, readStacks } from '../deployments/aws/deploy/stacks.ts';
import { createOperator } from '../flow/operator/operator.ts';
import { CommandError, exitCodes, type Redriven, type Source } from './source.ts';

export async function openAwsSource(
  stackName: string,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Source> {
  const environment = readEnvironment(variables);
  if (environment.outcome === 'refused') throw problemsFound(environment.problems);
  const { gitHub, configurationFile } = environment.environment;
  const { configuration } = await loadConfiguration(configurationFile);
  const problems: Problem[] = [];
  const account = await lookAtIdentity(variables, problems);
  if (account === null || problems.length > 0) throw problemsFound(problems);
  const { clients } = account;
  try {
    const stacks = await readStacks(clients.cloudFormation, stackName);
    const tableName = outputOf(stacks, 'table');
    if (tableName === null) throw notDeployed(stackName, account.account, stacks);
    const clock = createSystemClock();
    const table = createDynamoDbJobsTable({
      client: clients.dynamoDb,
      tableName,
      clock,
      random: createSystemRandom(),
      // Only for writes of jobs and runners, and none is written here.
      deadlines: { ofRunner: () => null, ofJob: () => null },
      keepMs: 0,
    });
    const github = gitHubName(new URL(gitHub.webUrl).hostname);
    const operator = createOperator({ clock, table, configuration, gitHubName: github });
    return {
      ...operator,
      why: (jobId) => operator.why(jobKey(github, jobId)),
      log: () =>
        Promise.reject(
          new CommandError(
            'Logs of deployed runners are where their host ships them: see the page of the host in docs/hosts.',
            { exitCode: exitCodes.failed },
          ),
        ),
      redrive: (queue) => redriveQueues(clients, stacks, queue, clock),
      close: () => clients.close(),
    };
  } catch (error) {
    clients.close();
    throw error;
  }
}

/** Of the stream's failures there is nothing to move: `make redrive` has the hosts recount instead. */
async function redriveQueues(
  clients: Clients,
  stacks: readonly DeployedStack[],
  only: string | null,
  clock: Parameters<typeof moveBack>[2],
): Promise<Redriven[]> {
  const redriven: Redriven[] = [];
  for (const queue of await readDeadLetterQueues(clients, stacks)) {
    const { name, source, depth } = queue;
    if (source === null || depth === 0 || (only !== null && !name.includes(only))) continue;
    const { moved, failed } = await moveBack(clients.sqs, { ...queue, source }, clock);
    if (failed !== null)
      throw new CommandError(`${name}: ${moved} moved back, then ${failed}`, { exitCode: exitCodes.failed });
    redriven.push({ queue: name, moved });
  }
  return redriven;
}

function notDeployed(stackName: string, account: string, stacks: readonly DeployedStack[]): CommandError {
  const what =
    stacks.length === 0 ? 'no stack carries its tag' : 'none of its stacks says the name of its table';
  return new CommandError(
    `There is no deployment ${stackName} in account ${account}: ${what}. See that AWS_REGION and the credentials are ` +
      'those of the deployment, and that --stack is its aws.stackName.',
    { exitCode: exitCodes.notReached },
  );
}

function problemsFound(problems: readonly Problem[]): CommandError {
  return new CommandError(problems.map(describeProblem).join('\n\n'), { exitCode: exitCodes.notReached });
}
