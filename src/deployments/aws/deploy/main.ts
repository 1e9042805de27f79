#!/usr/bin/env node
// The commands of a deployment on AWS: `node src/deployments/aws/deploy/main.ts deploy --help`. The Makefile calls them.
//
// Exit status: 0 done · 1 something was begun and did not end well · 2 nothing was begun · 130 Ctrl-C.

import { argv, env, exit, stderr, stdin, stdout } from 'node:process';
import { createInterface } from 'node:readline/promises';
import { Command, CommanderError, Option } from 'commander';
import { createSystemClock } from '../../../adapters/clock/system/index.ts';
import { createSystemRandom } from '../../../adapters/clock/system/random.ts';
import { withEnvironmentFile } from '../../../config/environment-file.ts';
import { loadConfiguration } from '../../../config/load.ts';
import { describeProblem, type Problem } from '../../../config/problem.ts';
import { lookAtIdentity } from './checks/all.ts';
import type { Clients } from './clients.ts';
import { type CommandDeps, type DeployOptions, deploy } from './deploy.ts';
import { type DestroyOptions, destroy } from './destroy.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { createOutput } from './output.ts';
import { type RedriveOptions, redrive } from './redrive.ts';

const environmentFile = '.env';
const stopping = new AbortController();
let status: ExitStatus = exitStatus.done;

/** Ctrl-C ends it in order; a second one at once. */
function stop(): void {
  if (stopping.signal.aborted) exit(exitStatus.interrupted);
  stderr.write('\nStopping. Once more ends it at once.\n');
  stopping.abort();
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, stop);

function createDeps(): CommandDeps {
  const isLive = stdout.isTTY === true && !env['CI'] && env['TERM'] !== 'dumb';
  return {
    variables: withEnvironmentFile(environmentFile, env),
    environmentFile,
    folder: '.cache/aws',
    output: createOutput(stdout, isLive),
    clock: createSystemClock(),
    random: createSystemRandom(),
    fetch: globalThis.fetch,
    ask: stdin.isTTY && stdout.isTTY && !env['CI'] ? ask : null,
    signal: stopping.signal,
  };
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: stdin, output: stdout });
  try {
    const answer = await terminal.question(`${question} [y/N] `, { signal: stopping.signal });
    return /^y(?:es)?$/i.test(answer.trim());
  } catch {
    return false; // Ctrl-C at the question
  } finally {
    terminal.close();
  }
}

/** For the commands that work on what is deployed: whose account it is, and which deployment. */
async function onDeployed(
  name: string | undefined,
  act: (
    given: { clients: Clients; deployment: string; where: string },
    deps: CommandDeps,
  ) => Promise<ExitStatus>,
): Promise<ExitStatus> {
  const deps = createDeps();
  const problems: Problem[] = [];
  const account = await lookAtIdentity(deps.variables, problems);
  if (account === null || problems.length > 0) {
    deps.output.say(`${problems.map(describeProblem).join('\n\n')}\n`);
    return exitStatus.refused;
  }
  try {
    const deployment = name ?? (await nameInConfiguration(deps));
    const where = `account ${account.account}, region ${account.place.region}`;
    return await act({ clients: account.clients, deployment, where }, deps);
  } finally {
    account.clients.close();
  }
}

async function nameInConfiguration({ variables }: CommandDeps): Promise<string> {
  return (await loadConfiguration(variables['RUNNERS_CONFIG'] || 'runners.config.ts')).aws.stackName;
}

const named = () => new Option('--name <name>', 'which deployment, instead of that of the configuration');

const program = new Command('deploy')
  .description('Deploys the system to AWS, looks after it, and takes it away. docs/guides/deploy-to-aws.md')
  .exitOverride()
  .showHelpAfterError();

program
  .command('deploy')
  .description('check everything, then make AWS what the configuration says')
  .option('--no-webhook', "leave the App's webhook at GitHub as it is")
  .option('--dry-run', 'say what would change, and change nothing', false)
  .option('--bootstrap', 'prepare the account for the CDK where it is not yet', false)
  .option('--force', 'go on where a host is taken out that has machines alive', false)
  .option('-y, --yes', "move the App's webhook from another address without asking", false)
  .action(async (options: DeployOptions) => {
    status = await deploy(options, createDeps());
  });

program
  .command('destroy')
  .description('delete a deployment')
  .addOption(named())
  .option('-y, --yes', 'without asking', false)
  .option('--force', 'although machines are alive, which nothing ends any more then', false)
  .action(async ({ name, ...options }: DestroyOptions & { name?: string }) => {
    status = await onDeployed(name, (given, deps) => destroy(options, given, deps));
  });

program
  .command('redrive')
  .description('show dead letters, and have them handled once more')
  .argument('[queue]', "a part of a queue's name; all of them without")
  .addOption(named())
  .option('--dry-run', 'show them, and move nothing', false)
  .action(
    async (
      queue: string | undefined,
      { name, dryRun }: Pick<RedriveOptions, 'dryRun'> & { name?: string },
    ) => {
      const options = { queue: queue || null, dryRun };
      status = await onDeployed(name, (given, deps) => redrive(options, given, deps));
    },
  );

try {
  await program.parseAsync(argv);
} catch (error) {
  if (error instanceof CommanderError) {
    status = error.exitCode === 0 ? exitStatus.done : exitStatus.refused;
  } else {
    // For the person who started it: what is wrong and what to do, not where in the code it was found out.
    stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    status = stopping.signal.aborted ? exitStatus.interrupted : exitStatus.failed;
  }
}
exit(status);
