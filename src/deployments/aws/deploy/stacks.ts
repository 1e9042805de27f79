// The stacks of one deployment as CloudFormation has them: found by their tag, so also those of which nothing is
// configured any more.

import {
  type CloudFormationClient,
  paginateDescribeStacks,
  paginateListStackResources,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { deploymentTag, type OutputName, outputKeys } from '../outputs.ts';

export interface DeployedStack {
  name: string;
  id: string;
  status: string;
  statusReason: string | null;
  outputs: Readonly<Record<string, string>>;
  isProtected: boolean;
}

/** An account has 2,000 stacks at most, unless AWS was asked for more; a page holds 100. */
const pagesMax = 50;

export async function readStacks(client: CloudFormationClient, deployment: string): Promise<DeployedStack[]> {
  const found: DeployedStack[] = [];
  let pages = 0;
  for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
    found.push(...Stacks.filter((stack) => isOf(stack, deployment)).map(stackOf));
    pages += 1;
    if (pages >= pagesMax)
      throw new Error(`this account has more than ${pagesMax} pages of stacks in this region`);
  }
  // One that was deleted is listed for a while where it is asked for by its id.
  return found.filter(({ status }) => status !== 'DELETE_COMPLETE');
}

/** The first stack that has it; `null` where none has. */
export function outputOf(stacks: readonly DeployedStack[], name: OutputName): string | null {
  const key = outputKeys[name];
  return stacks.find(({ outputs }) => outputs[key] !== undefined)?.outputs[key] ?? null;
}

export function demandOutput(stacks: readonly DeployedStack[], name: OutputName): string {
  const value = outputOf(stacks, name);
  if (value !== null) return value;
  const names = stacks.map((stack) => stack.name).join(', ') || 'none';
  throw new Error(
    `No stack of this deployment (${names}) has the output ${outputKeys[name]}. Remedy: deploy again with \`make ci-deploy\`.`,
  );
}

export interface StackResource {
  type: string;
  logicalId: string;
  physicalId: string;
}

/** CloudFormation allows 500 resources in a stack, in pages of 100. */
export async function readResources(
  client: CloudFormationClient,
  stackName: string,
): Promise<StackResource[]> {
  const found: StackResource[] = [];
  for await (const page of paginateListStackResources({ client }, { StackName: stackName })) {
    for (const resource of page.StackResourceSummaries ?? []) {
      const { ResourceType, LogicalResourceId, PhysicalResourceId, ResourceStatus } = resource;
      if (!PhysicalResourceId || ResourceStatus === 'DELETE_COMPLETE') continue;
      found.push({
        type: ResourceType ?? '',
        logicalId: LogicalResourceId ?? '',
        physicalId: PhysicalResourceId,
      });
    }
  }
  return found;
}

export interface StackTrouble {
  stack: string;
  /** `busy` passes by itself; the others are for a person, but for `failedBefore`, which a deploy mends. */
  kind: 'busy' | 'failedBefore' | 'stuck';
  text: string;
}

/** Before a deploy: what CloudFormation would refuse, or what people should know. */
export function troublesOf(stacks: readonly DeployedStack[]): StackTrouble[] {
  return stacks.flatMap(({ name, status, statusReason }): StackTrouble[] => {
    const why = statusReason === null ? '' : ` (${statusReason})`;
    // Made by a deploy that ended before it began: the next one goes on with it.
    if (status === 'REVIEW_IN_PROGRESS') return [];
    if (status.endsWith('_IN_PROGRESS')) {
      const text =
        `Stack ${name} is being changed right now: ${status}. CloudFormation takes one change at a time, so nothing ` +
        'was started. Remedy: wait until it is over (minutes), then repeat this command.';
      return [{ stack: name, kind: 'busy', text }];
    }
    if (status === 'ROLLBACK_COMPLETE' || status === 'CREATE_FAILED' || status === 'ROLLBACK_FAILED') {
      const text =
        `Stack ${name} could not be made the last time: ${status}${why}. What is left of it is deleted, and it is ` +
        'made anew.';
      return [{ stack: name, kind: 'failedBefore', text }];
    }
    if (status === 'UPDATE_ROLLBACK_FAILED') {
      const text =
        `Stack ${name} could not be taken back to how it was: ${status}${why}. Remedy: mend what is named there, then ` +
        `\`aws cloudformation continue-update-rollback --stack-name ${name}\`, and repeat this command.`;
      return [{ stack: name, kind: 'stuck', text }];
    }
    if (status === 'DELETE_FAILED') {
      const text = `Stack ${name} could not be deleted: ${status}${why}. Remedy: mend what is named there, then \`make destroy\`.`;
      return [{ stack: name, kind: 'stuck', text }];
    }
    return [];
  });
}

function isOf({ Tags = [] }: Stack, deployment: string): boolean {
  return Tags.some(({ Key, Value }) => Key === deploymentTag && Value === deployment);
}

function stackOf(stack: Stack): DeployedStack {
  return {
    name: stack.StackName ?? '',
    id: stack.StackId ?? '',
    status: stack.StackStatus ?? '',
    statusReason: stack.StackStatusReason || null,
    outputs: Object.fromEntries(
      (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    ),
    isProtected: stack.EnableTerminationProtection ?? false,
  };
}
