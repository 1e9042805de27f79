// One instance of macOS. A fleet does not place machines on dedicated hosts, so this is asked for by itself, in the
// first offer, upon the host that is named or any of the owner's; what has no room is an error here, and not an answer
// with an error in it.

import { type _InstanceType, RunInstancesCommand } from '@aws-sdk/client-ec2';
import type { Ask, Came } from './ask.ts';
import type { HostContext } from './context.ts';

export async function runInstances(
  { clients }: HostContext,
  ask: Ask,
  abortSignal: AbortSignal,
): Promise<Came> {
  const [LaunchTemplateId, Version] = ask.template.split(':');
  const [offer] = ask.offers;
  const answer = await clients.once.send(
    new RunInstancesCommand({
      ClientToken: ask.token,
      MinCount: 1,
      MaxCount: 1,
      LaunchTemplate: { LaunchTemplateId, Version },
      InstanceType: offer?.instanceType as _InstanceType,
      SubnetId: offer?.subnet,
      ...(ask.dedicatedHost !== undefined && {
        Placement: { Tenancy: 'host', HostId: ask.dedicatedHost },
      }),
      TagSpecifications: [
        { ResourceType: 'instance', Tags: ask.tags },
        { ResourceType: 'volume', Tags: ask.tags },
      ],
    }),
    { abortSignal },
  );
  return { machines: (answer.Instances ?? []).flatMap(({ InstanceId }) => InstanceId ?? []), errors: [] };
}
