// `make destroy`: deletes the stacks of a deployment, the newest first, since each may read what an older one made.

import { DeleteStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import type { Clients } from './clients.ts';
import type { CommandDeps } from './deploy.ts';
import { type ExitStatus, exitStatus } from './exit-status.ts';
import { leftOutside } from './left-outside.ts';
import { describeLiving, hostsDeployed, readLiving } from './living.ts';
import { createSecretStores } from './secret-stores.ts';
import { type DeployedStack, outputOf, readResources, readStacks } from './stacks.ts';

export interface DestroyOptions {
  /** Without asking. */
  yes: boolean;
  /** Although machines are alive. */
  force: boolean;
}

/** A table, a network with its gateways: minutes. CloudFormation itself gives up after longer. */
const deleteMsMax = 60 * 60_000;
const betweenLooksMs = 5_000;

export async function destroy(
  { yes, force }: DestroyOptions,
  given: { clients: Clients; deployment: string; where: string },
  deps: CommandDeps,
): Promise<ExitStatus> {
  const { output, ask, signal } = deps;
  const { clients, deployment, where } = given;
  const stacks = await readStacks(clients.cloudFormation, deployment);
  if (stacks.length === 0) {
    output.say(`There is no deployment ${deployment} in ${where}: nothing to destroy.`);
    return exitStatus.done;
  }
  const refusal = (await whyNot(stacks, force, clients, deps)) ?? null;
  if (refusal !== null) {
    output.say(refusal);
    return exitStatus.refused;
  }

  output.say(
    `In ${where}, these stacks with all that is in them: ${stacks.map(({ name }) => name).join(', ')}`,
  );
  if (!yes) {
    if (ask === null) {
      output.say(
        'Nothing was deleted: nobody is there to be asked. Remedy: use --yes (make destroy ARGS=--yes).',
      );
      return exitStatus.refused;
    }
    if (!(await ask(`Delete them?`))) {
      output.say('Nothing was deleted.');
      return exitStatus.refused;
    }
  }

  const webhookUrl = outputOf(stacks, 'webhookUrl');
  const secrets = (['webhookSecret', 'appSecret'] as const).flatMap((name) => outputOf(stacks, name) ?? []);
  const outside = leftOutside(await resourceTypes(clients, stacks));
  for (const stack of await newestFirst(clients, stacks)) {
    if (signal.aborted) return exitStatus.interrupted;
    const failure = await deleteStack(stack, clients, deps);
    if (failure !== null) {
      output.say(failure);
      return exitStatus.failed;
    }
  }
  // What no stack holds (parameters), or would keep for a while.
  const stores = createSecretStores(clients, deployment);
  for (const arn of secrets) await stores.remove(arn);

  output.say('\nDestroyed. What is left:');
  for (const line of [...outside, ...(await left(stacks, webhookUrl, clients))]) output.say(`- ${line}`);
  return exitStatus.done;
}

async function whyNot(
  stacks: readonly DeployedStack[],
  force: boolean,
  { dynamoDb }: Clients,
  { output, clock, random }: CommandDeps,
): Promise<string | null> {
  const busy = stacks.find(
    ({ status }) => status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS',
  );
  if (busy) {
    return `Stack ${busy.name} is being changed right now: ${busy.status}. Remedy: wait until it is over, then repeat this command.`;
  }
  const isProtected = stacks.find((stack) => stack.isProtected);
  if (isProtected) {
    return (
      `Stack ${isProtected.name} is protected against deletion. Remedy, if it is really meant: ` +
      `aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${isProtected.name}`
    );
  }
  const living = await readLiving({ dynamoDb, clock, random }, stacks, hostsDeployed(stacks)).catch(
    (error: unknown) => {
      // A table that is half gone can not be asked: an earlier destroy has begun with it.
      if (error instanceof Error && error.name === 'ResourceNotFoundException') return [];
      throw error;
    },
  );
  if (living.length === 0) return null;
  const found = `Machines are alive: ${describeLiving(living)}`;
  if (force) {
    output.say(`warning: ${found}. Nothing will end them any more: end them at their hosts (--force).`);
    return null;
  }
  return (
    `${found}. Nothing would end them any more, and they would be paid for. Nothing was deleted. Remedy: set the ` +
    'limit of each host to 0, deploy, wait until the last one is gone; or use --force and end them yourself.'
  );
}

async function resourceTypes(
  { cloudFormation }: Clients,
  stacks: readonly DeployedStack[],
): Promise<string[]> {
  // One that is half gone by an earlier destroy may not be told of any more.
  const resources = await Promise.all(
    stacks.map(({ id }) => readResources(cloudFormation, id).catch(() => [])),
  );
  return resources.flat().map(({ type }) => type);
}

/** By when they were made. */
async function newestFirst(
  { cloudFormation }: Clients,
  stacks: readonly DeployedStack[],
): Promise<DeployedStack[]> {
  const times = new Map<string, number>();
  for (const { id } of stacks) {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: id }));
    times.set(id, Stacks[0]?.CreationTime?.getTime() ?? 0);
  }
  return [...stacks].sort((a, b) => (times.get(b.id) ?? 0) - (times.get(a.id) ?? 0));
}

/** Why not; `null` where it is gone. */
async function deleteStack(
  { name, id }: DeployedStack,
  { cloudFormation }: Clients,
  { output, clock, signal }: CommandDeps,
): Promise<string | null> {
  output.progress(`  ${name}: deleting`, true);
  await cloudFormation.send(new DeleteStackCommand({ StackName: id }));
  const until = clock.now() + deleteMsMax;
  for (;;) {
    const { status, reason } = await statusOf(cloudFormation, id);
    if (status === 'DELETE_COMPLETE') {
      output.say(`  ${name}: deleted`);
      return null;
    }
    if (status === 'DELETE_FAILED') {
      return `Stack ${name} could not be deleted: ${reason}. Remedy: mend what is named there, then repeat this command.`;
    }
    if (signal.aborted || clock.now() >= until) {
      return `Stack ${name} is still being deleted; CloudFormation goes on by itself. Repeat the command for the rest.`;
    }
    await clock.sleep(betweenLooksMs);
  }
}

async function statusOf(client: Clients['cloudFormation'], id: string) {
  try {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: id }));
    const [stack] = Stacks;
    return {
      status: stack?.StackStatus ?? 'DELETE_COMPLETE',
      reason: stack?.StackStatusReason ?? 'no reason',
    };
  } catch (error) {
    // By its id it is listed for 90 days; an emulator forgets it at once.
    if (error instanceof Error && /does not exist/.test(error.message))
      return { status: 'DELETE_COMPLETE', reason: '' };
    throw error;
  }
}

/** Said by what CloudFormation says it left. */
async function left(
  stacks: readonly DeployedStack[],
  webhookUrl: string | null,
  { cloudFormation }: Clients,
): Promise<string[]> {
  const kept: string[] = [];
  for (const { id, name } of stacks) {
    const resources = await readResources(cloudFormation, id).catch(() => []);
    kept.push(
      ...resources.map(
        ({ type, physicalId }) => `${type} ${physicalId}, which stack ${name} was told to keep`,
      ),
    );
  }
  return [
    ...kept,
    ...(webhookUrl === null
      ? []
      : [
          `the webhook of the App at GitHub, if it still points to ${webhookUrl}: point it elsewhere, or make it inactive`,
        ]),
    "the CDK's bootstrap (stack CDKToolkit) with what was uploaded, which other deployments may use too",
  ];
}
