// `make ci-deploy`: looks at everything first, then changes things in an order in which each step can be repeated:
//
//   1  checks        all that is missing is told at once, and nothing was changed
//   2  bundle, synthesize
//   3  what is there: another deploy under way, a failed one, hosts that would go while they have machines
//   4  the CDK deploys the stacks
//   5  secrets       from `.env` into the store, those that differ
//   6  the webhook   pointed here, and tried
//
// A run that changes nothing changes nothing; one that was cut off is repeated from its beginning.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeProblem } from '../../../config/problem.ts';
import { gitHubName } from '../../../core/ids.ts';
import type { Clock, Random } from '../../../ports/clock.ts';
import { runCdk } from './cdk.ts';
import { checkAll, type Ready } from './checks/all.ts';
import { deployableTypes } from './deployable.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { describeLiving, hostsDeployed, hostsForsaken, readLiving } from './living.ts';
import type { Output } from './output.ts';
import type { Place } from './place.ts';
import { createProgress } from './progress.ts';
import { createSecretStores } from './secret-stores.ts';
import { differingSecrets, type SecretPlaces, warnOfLostWebhooks } from './secrets.ts';
import { type DeployedStack, demandOutput, outputOf, readStacks, troublesOf } from './stacks.ts';
import { type Assembly, synthesize } from './synthesize.ts';
import { pointWebhook, reachableUrl, tryWebhook } from './webhook.ts';

export interface DeployOptions {
  /** Whether the App's webhook is pointed here. */
  webhook: boolean;
  /** Says what would change, and changes nothing. */
  dryRun: boolean;
  /** Moves the App's webhook from another address without asking. */
  yes: boolean;
  /** Goes on where a host goes that still has machines. */
  force: boolean;
  bootstrap: boolean;
}

export interface CommandDeps {
  /** Of the environment, with the file's beneath. */
  variables: Readonly<Record<string, string | undefined>>;
  environmentFile: string;
  /** What is made on the way, and logs: `.cache/aws`. */
  folder: string;
  output: Output;
  clock: Clock;
  random: Random;
  fetch: typeof globalThis.fetch;
  /** Asks a person; `null` where nobody is there to answer. */
  ask: ((question: string) => Promise<boolean>) | null;
  /** Ctrl-C. */
  signal: AbortSignal;
}

/** All that the CDK said in the last run. */
const logName = 'deploy.log';

export async function deploy(options: DeployOptions, deps: CommandDeps): Promise<ExitStatus> {
  const { output } = deps;
  const ready = await check(options, deps);
  if (ready === null) return exitStatus.refused;
  try {
    return await deployChecked(ready, options, deps);
  } finally {
    ready.clients.close();
    if (deps.signal.aborted) output.say('Stopped. What is done is done; repeat the command to go on.');
  }
}

async function check(options: DeployOptions, deps: CommandDeps): Promise<Ready | null> {
  const { output } = deps;
  output.say('Checking the environment, the configuration, AWS and the GitHub App ...');
  const checked = await checkAll({
    variables: deps.variables,
    environmentFile: deps.environmentFile,
    deployable: deployableTypes(),
    mayBootstrap: options.bootstrap,
    clock: deps.clock,
    random: deps.random,
  });
  const warnings = checked.outcome === 'ready' ? checked.ready.warnings : checked.warnings;
  for (const warning of warnings) output.say(`warning: ${warning}`);
  if (checked.outcome === 'ready') return checked.ready;
  const { problems } = checked;
  const count = problems.length === 1 ? 'One thing is' : `${problems.length} things are`;
  output.say(`\n${count} missing. Nothing was changed.\n`);
  output.say(`${problems.map(describeProblem).join('\n\n')}\n`);
  return null;
}

async function deployChecked(ready: Ready, options: DeployOptions, deps: CommandDeps): Promise<ExitStatus> {
  const { output, signal } = deps;
  const { place, account, who, configuration, given } = ready;
  const settings = ready.settings;
  const deployment = settings.stackName;
  const where = place.isEmulator
    ? `an emulator at ${place.endpoint}, a stand-in for AWS`
    : `account ${account}`;
  output.say(`Deploying ${deployment} to ${where}, region ${place.region}, as ${who}.`);
  const folder = join(deps.folder, deployment);
  rmSync(join(folder, logName), { force: true });

  if (ready.needsBootstrap) {
    output.say('Preparing the account for the CDK (bootstrap) ...');
    const args = ['bootstrap', `aws://${account}/${place.region}`];
    if (!(await cdk('The bootstrap', args, folder, ready, deps))) return exitStatus.failed;
  }

  const stacks = await readStacks(ready.clients.cloudFormation, deployment);
  const refusal = await whyNot(stacks, ready, options, deps);
  if (refusal !== null) {
    output.say(refusal);
    return exitStatus.refused;
  }

  const assembly = await synthesize({
    configuration,
    settings,
    gitHub: {
      name: gitHubName(new URL(given.environment.gitHub.webUrl).hostname),
      apiUrl: given.environment.gitHub.apiUrl,
    },
    folder,
  });
  output.say(`${assembly.functions} functions bundled, ${assembly.stacks.length} stacks synthesized.`);
  if (options.dryRun) return dryRun(assembly, stacks, folder, ready, options, deps);
  if (signal.aborted) return exitStatus.interrupted;

  const args = [
    ...['deploy', ...stacksFor(place, assembly, output)],
    ...['--app', assembly.directory, '--require-approval', 'never', '--progress', 'events'],
    // A stack whose own template is the same still has to see what an earlier one gives it now.
    '--force',
  ];
  const isDeployed = await cdk('The deploy', args, folder, ready, deps);
  if (signal.aborted) {
    output.say('CloudFormation goes on by itself with the stack that was under way.');
    return exitStatus.interrupted;
  }
  if (!isDeployed) return exitStatus.failed;

  const deployed = await readStacks(ready.clients.cloudFormation, deployment);
  await storeSecrets(deployed, ready, deps);
  const url = reachableUrl(demandOutput(deployed, 'webhookUrl'), place);
  const isWell = await connectWebhook(url, ready, options, deps);
  tellOfLeftStacks(deployed, assembly, deps);
  if (!isWell) return signal.aborted ? exitStatus.interrupted : exitStatus.failed;
  tellWhatIsNext(url, ready, deps);
  return exitStatus.done;
}

/** Types of resources that MiniStack does not know: it refuses a template with one. */
const notEmulated = ['AWS::CloudWatch::CompositeAlarm'];

/** All of them; at an emulator those that it can make. */
function stacksFor({ isEmulator }: Place, { stacks }: Assembly, { say }: Output): string[] {
  const left = isEmulator
    ? stacks.filter(({ resourceTypes }) => resourceTypes.some((type) => notEmulated.includes(type)))
    : [];
  for (const { name } of left) say(`Stack ${name} is left out: an emulator has not all that is in it.`);
  return stacks.filter((stack) => !left.includes(stack)).map(({ name }) => name);
}

/** What would go wrong, or do harm; `null` where nothing would. */
async function whyNot(
  stacks: readonly DeployedStack[],
  ready: Ready,
  { force }: DeployOptions,
  { output, clock, random }: CommandDeps,
): Promise<string | null> {
  const troubles = troublesOf(stacks);
  const inTheWay = troubles.filter(({ kind }) => kind !== 'failedBefore');
  if (inTheWay.length > 0) return inTheWay.map(({ text }) => text).join('\n');
  for (const { text } of troubles) output.say(`warning: ${text}`);

  const goes = hostsForsaken(hostsDeployed(stacks), ready.configuration);
  const living = await readLiving({ dynamoDb: ready.clients.dynamoDb, clock, random }, stacks, goes);
  if (living.length === 0) return null;
  const found = `The configuration has no longer these hosts, or no pool on them, which have machines alive: ${describeLiving(living)}`;
  const harm = 'Nothing would end those machines any more.';
  if (force) {
    output.say(`warning: ${found}. ${harm} It goes on because of --force.`);
    return null;
  }
  return (
    `${found}. ${harm} Nothing was changed. Remedy: put them back, with a pool and \`limit: 0\`, deploy, and take them out ` +
    'when their last machine is gone; or use --force and end the machines yourself.'
  );
}

async function cdk(
  what: string,
  args: readonly string[],
  folder: string,
  ready: Ready,
  { variables, output, signal }: CommandDeps,
): Promise<boolean> {
  const logFile = join(folder, logName);
  const onLine = createProgress(output);
  const { status, tail } = await runCdk({
    args,
    variables,
    region: ready.place.region,
    logFile,
    onLine,
    signal,
  });
  if (status === 0 || signal.aborted) return status === 0;
  output.say(`\n${what} failed. The last of what the CDK said (all of it: ${logFile}):\n`);
  for (const line of tail) output.say(`  ${line}`);
  output.say(`\n${remedyOf(tail.join('\n'))}`);
  return false;
}

function remedyOf(text: string): string {
  if (/is in \w+_IN_PROGRESS state/.test(text))
    return 'Another deploy is at it, and CloudFormation takes one at a time. Remedy: wait until it is over, then repeat this command.';
  if (/AccessDenied|not authorized to perform/i.test(text))
    return 'Remedy: allow whoever deploys what is named there (the roles of the CDK bootstrap are enough), then repeat this command.';
  if (/ROLLBACK_COMPLETE/.test(text))
    return 'CloudFormation took its changes back. Remedy: mend what is named there, then repeat this command: it goes on from there.';
  return 'Remedy: mend what is named there, then repeat this command: what is done is not done again.';
}

/** Not cut off by Ctrl-C: two writes take less than a second, and between them one would be new and one old. */
async function storeSecrets(stacks: readonly DeployedStack[], ready: Ready, { output }: CommandDeps) {
  const stores = createSecretStores(ready.clients, ready.settings.stackName);
  const writes = await differingSecrets(stores, placesOf(stacks), ready.given);
  for (const { arn, text } of writes) await stores.write(arn, text);
  for (const { what, isFirst } of writes) output.say(`The ${what} is ${isFirst ? 'stored' : 'replaced'}.`);
  if (writes.length === 0) output.say('The secrets are as they were.');
  const warning = warnOfLostWebhooks(writes, ready.given);
  if (warning !== null) output.say(`warning: ${warning}`);
}

function placesOf(stacks: readonly DeployedStack[]): SecretPlaces {
  return {
    webhookSecretArn: demandOutput(stacks, 'webhookSecret'),
    appSecretArn: demandOutput(stacks, 'appSecret'),
  };
}

/** Whether webhooks arrive, as far as can be known from here. */
async function connectWebhook(
  url: string,
  { github, given }: Ready,
  { webhook, yes }: DeployOptions,
  { output, clock, fetch, ask, signal }: CommandDeps,
): Promise<boolean> {
  output.say('Trying the webhook with a signed ping ...');
  const tried = await tryWebhook(url, given.webhookSecret, { clock, fetch, signal });
  if (!tried.answered) {
    output.say(
      `The webhook does not answer as it should at ${url}: ${tried.why}. The App's webhook was left as it is. ` +
        "Remedy: look at the log of the function 'webhook', then repeat this command.",
    );
    return false;
  }
  const answers = tried.isSecretTried
    ? 'It answers'
    : "It answers to GitHub's addresses alone, as it should, so the secret was not tried from here";
  if (!webhook) {
    output.say(`${answers}. The App's webhook was left as it is (--no-webhook); its URL here is ${url}`);
    return true;
  }
  const before = await github.readHookUrl();
  const isElsewhere = before !== null && before !== url;
  if (isElsewhere && ask !== null && !yes) {
    const question = `The App's webhook points to ${before}. Point it to this deployment, away from there?`;
    if (!(await ask(question))) {
      output.say(`It was left as it is. Its URL here is ${url}`);
      return true;
    }
  }
  await pointWebhook(github, { url, secret: given.webhookSecret });
  output.say(
    isElsewhere
      ? `${answers}. The App's webhook pointed to ${before}, and now points here.`
      : `${answers}. The App's webhook points here.`,
  );
  return true;
}

function tellOfLeftStacks(stacks: readonly DeployedStack[], assembly: Assembly, { output }: CommandDeps) {
  const names = new Set(assembly.stacks.map(({ name }) => name));
  for (const { name } of stacks.filter((stack) => !names.has(stack.name))) {
    output.say(
      `warning: stack ${name} is of this deployment, and nothing of it is configured any more. ` +
        `To delete it: aws cloudformation delete-stack --stack-name ${name}`,
    );
  }
}

function tellWhatIsNext(url: string, { configuration }: Ready, { output }: CommandDeps): void {
  const labels = configuration.pools[0]?.labels.join(', ') ?? '';
  output.say('');
  output.say(`Webhook URL: ${url}`);
  output.say(
    `Next: run a workflow with \`runs-on: [${labels}]\`. docs/guides/deploy-to-aws.md tells where to look.`,
  );
}

async function dryRun(
  assembly: Assembly,
  stacks: readonly DeployedStack[],
  folder: string,
  ready: Ready,
  { webhook }: DeployOptions,
  deps: CommandDeps,
): Promise<ExitStatus> {
  const { output, variables, signal } = deps;
  const { status } = await runCdk({
    args: ['diff', '--app', assembly.directory],
    variables,
    region: ready.place.region,
    logFile: join(folder, logName),
    onLine: (line) => output.say(`  ${line}`),
    signal,
  });
  if (status !== 0) return signal.aborted ? exitStatus.interrupted : exitStatus.failed;

  if (outputOf(stacks, 'webhookSecret') === null) {
    output.say('Both secrets would be stored.');
  } else {
    const stores = createSecretStores(ready.clients, ready.settings.stackName);
    const writes = await differingSecrets(stores, placesOf(stacks), ready.given);
    for (const { what } of writes) output.say(`The ${what} would be replaced.`);
    if (writes.length === 0) output.say('The secrets would stay as they are.');
  }
  if (webhook)
    output.say(`The App's webhook points to ${(await ready.github.readHookUrl()) ?? 'nowhere'} now.`);
  output.say('Nothing was changed (--dry-run).');
  return exitStatus.done;
}
