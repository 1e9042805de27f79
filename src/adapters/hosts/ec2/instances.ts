// Machines as EC2 describes them: all pages, dead ones too for about an hour. It is eventually consistent: a machine
// that was just launched may be unknown for seconds, and to be unknown proves nothing.

import {
  DescribeInstancesCommand,
  type DescribeInstancesCommandOutput,
  type Filter,
  type Instance,
  type InstanceStateName,
  type Tag,
} from '@aws-sdk/client-ec2';
import type { MachineId, RunnerName } from '../../../core/ids.ts';
import type { HostContext } from './context.ts';
import { readTags, type Tags, tagKeys } from './tags.ts';

export interface DescribedMachine {
  machine: MachineId;
  state: InstanceStateName;
  tags: Tags;
  /** `<id>:<version>` of the template that it was launched by; `null`: not known. */
  template: string | null;
  image: string | null;
  /** Why it is in this state, as EC2 says. */
  cause: string;
}

/** The most that a page may have. [EC2: DescribeInstances] */
const pageSize = 1000;
/** A hundred thousand machines: beyond the limit of any host here. */
const pagesMax = 100;

export async function describeInstances(
  { clients }: Pick<HostContext, 'clients'>,
  filters: readonly Filter[],
): Promise<DescribedMachine[]> {
  const found: DescribedMachine[] = [];
  let next: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer: DescribeInstancesCommandOutput = await clients.repeating.send(
      new DescribeInstancesCommand({
        Filters: [...filters],
        MaxResults: pageSize,
        ...(next !== undefined && { NextToken: next }),
      }),
    );
    const instances = (answer.Reservations ?? []).flatMap(({ Instances }) => Instances ?? []);
    found.push(...instances.flatMap((instance) => described(instance) ?? []));
    next = answer.NextToken;
    if (!next) return found;
  }
  throw new Error(`EC2 lists more than ${pagesMax * pageSize} machines of this deployment`);
}

/** `instance-id` as a filter and not as the thing asked for: what is unknown is then missing, and not an error. */
export function machineFilter(machine: string): Filter {
  return { Name: 'instance-id', Values: [machine] };
}

export function tagFilter(key: string, value: string): Filter {
  return { Name: `tag:${key}`, Values: [value] };
}

export function deploymentFilters({ deployment, host }: HostContext): Filter[] {
  return [tagFilter(tagKeys.prefix, deployment), tagFilter(tagKeys.host, host)];
}

export function nameFilters(context: HostContext, name: RunnerName): Filter[] {
  return [...deploymentFilters(context), tagFilter(tagKeys.name, name)];
}

/** Until EC2 calls it terminated, it may still run, and it takes up its place. */
export function isDead({ state }: DescribedMachine): boolean {
  return state === 'terminated';
}

/** EC2 tags what it launched by a template. [EC2: Launch instances from a launch template] */
function templateOf(tags: readonly Tag[] | undefined): string | null {
  const value = (key: string) => tags?.find(({ Key }) => Key === `aws:ec2launchtemplate:${key}`)?.Value;
  const [id, version] = [value('id'), value('version')];
  return id !== undefined && version !== undefined ? `${id}:${version}` : null;
}

function described(instance: Instance): DescribedMachine | null {
  const { InstanceId, State, StateReason, StateTransitionReason, Tags: tags } = instance;
  if (InstanceId === undefined || State?.Name === undefined) return null;
  return {
    machine: InstanceId as MachineId,
    state: State.Name,
    tags: readTags(tags),
    template: templateOf(tags),
    image: instance.ImageId ?? null,
    cause: [StateReason?.Code, StateReason?.Message, StateTransitionReason].filter(Boolean).join(', '),
  };
}
