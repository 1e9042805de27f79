// A deployed system, asked through its own table with the credentials of whoever asks: there is no address for
// operators that could be attacked. Whoever may read the table may ask; whoever may write it may pause a pool.

import { createSystemClock } from '../adapters/clock/system/index.ts';
import { createSystemRandom } from '../adapters/clock/system/random.ts';
import { createDynamoDbJobsTable } from '../adapters/jobs-tables/dynamodb/index.ts';
import { readEnvironment } from '../config/environment.ts';
import { loadConfiguration } from '../config/load.ts';
import { ConfigurationError, describeProblem, type Problem } from '../config/problem.ts';
import { gitHubName, jobKey, parseRunnerName, type RunnerName } from '../core/ids.ts';
import { lookAtIdentity } from '../deployments/aws/deploy/checks/all.ts';
import type { Clients } from '../deployments/aws/deploy/clients.ts';
import { readDeadLetterQueues } from '../deployments/aws/deploy/dead-letters.ts';
import { isNamed, redriveQueue } from '../deployments/aws/deploy/redrive.ts';
import { type DeployedStack, outputOf, readStacks } from '../deployments/aws/deploy/stacks.ts';
import { logsOfRunner } from '../deployments/aws/runner-logs/index.ts';
import { createOperator } from '../flow/operator/operator.ts';
import type { Clock, Random } from '../ports/clock.ts';
import { CommandError, exitCodes, noSuchQueue, type Redriven, type Source } from './source.ts';

export async function openAwsSource(
  stackName: string,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Source> {
  const environment = readEnvironment(variables);
  if (environment.outcome === 'refused') throw problemsFound(environment.problems);
  const { gitHub, configurationFile } = environment.environment;
  const { configuration } = await loadConfiguration(configurationFile).catch((cause: unknown) => {
    if (!(cause instanceof ConfigurationError)) throw cause;
    throw new CommandError(cause.message, { exitCode: exitCodes.notReached, cause });
  });
  const problems: Problem[] = [];
  const account = await lookAtIdentity(variables, problems);
  if (account === null || problems.length > 0) throw problemsFound(problems);
  const { clients } = account;
  try {
    const stacks = await readStacks(clients.cloudFormation, stackName);
    const tableName = outputOf(stacks, 'table');
    if (tableName === null) throw notDeployed(stackName, account.account, stacks);
    const clock = createSystemClock();
    const random = createSystemRandom();
    const table = createDynamoDbJobsTable({
      client: clients.dynamoDb,
      tableName,
      clock,
      random,
      // Only for writes of jobs and runners, and none is written here.
      deadlines: { ofRunner: () => null, ofJob: () => null },
      keepMs: 0,
    });
    const github = gitHubName(new URL(gitHub.webUrl).hostname);
    const operator = createOperator({ clock, table, configuration, gitHubName: github });
    return {
      ...operator,
      why: (jobId) => operator.why(jobKey(github, jobId)),
      async log(name, wanted) {
        const runner = parseRunnerName(name) && (await table.readRunner(name as RunnerName));
        const found = await logsOfRunner(
          { name, runner, ...wanted },
          { clients, stacks, stackName, configuration, waiting: wanted },
        );
        if (found.outcome === 'elsewhere') throw new CommandError(found.text, { exitCode: exitCodes.failed });
        return found.outcome === 'found' ? found.lines : null;
      },
      redrive: (queue) => redriveAll({ clients, stacks }, queue, { clock, random }),
      close: () => clients.close(),
    };
  } catch (error) {
    clients.close();
    throw error;
  }
}

async function redriveAll(
  deployed: { clients: Clients; stacks: readonly DeployedStack[] },
  only: string | null,
  deps: { clock: Clock; random: Random },
): Promise<Redriven[]> {
  const all = await readDeadLetterQueues(deployed.clients, deployed.stacks);
  const chosen = all.filter((queue) => only === null || isNamed(only, queue));
  if (chosen.length === 0)
    throw noSuchQueue(
      only ?? '',
      all.map(({ name }) => name),
    );
  const redriven: Redriven[] = [];
  for (const queue of chosen.filter(({ depth }) => depth > 0)) {
    const { moved, recounted, failed } = await redriveQueue(queue, deployed, deps);
    if (failed !== null)
      throw new CommandError(`${queue.name}: ${moved} moved back, then ${failed}`, {
        exitCode: exitCodes.failed,
      });
    redriven.push({ queue: queue.name, moved, recounted });
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
