// What a host on EC2 is made of: a launch template for each pool, a security group without a way in, what the
// Orchestrator and the Reconciler may do, and the events that tell of machines' ends. Machines have no role, unless a
// pool names one of its owner's.
//
// A launch is allowed only by these templates, and everything else only on machines that carry this stack's tag, which
// a template gives and nobody may change.

import {
  CfnLaunchTemplate,
  type CfnLaunchTemplateProps,
  type ISubnet,
  SecurityGroup,
} from 'aws-cdk-lib/aws-ec2';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Aws, Fn, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostSettings, PoolSettings } from '../../../core/configuration.ts';
import type { CreateHostInfrastructure, Wildcard } from '../infrastructure.ts';
import { userDataOf } from './boot/index.ts';
import { detailTypes } from './detail-types.ts';
import { builtImageFor, parameterOf } from './image-builder/built.ts';
import { createImages } from './image-builder/infrastructure.ts';
import { imageOf, isParameter } from './images.ts';
import { madeVariable } from './made.ts';
import { type Ec2HostOptions, type Ec2Machine, ec2HostOptions, ec2Machine, isMac } from './options.ts';
import { createShippedLogs, type ShippedLogs } from './shipped-logs/infrastructure.ts';
import { tagKeys } from './tags.ts';

/** A function's environment has 4 KB, and each pool takes some 60 bytes of it. [Lambda: quotas] */
const poolsMax = 40;

/** A pool with its machine, and the image that it is launched from. */
interface Launched {
  pool: PoolSettings;
  machine: Ec2Machine;
  /** Its id, or the name of the parameter that holds that. */
  image: string;
}

export const createInfrastructure: CreateHostInfrastructure = (scope, props) => {
  const { stackName: deployment, settings, pools, vpc } = props;
  if (pools.length > poolsMax) throw new Error(tooManyPools(settings, pools.length));
  const network = vpc();
  // By its name, since functions in other stacks are permitted by it.
  const { stackName } = Stack.of(scope);
  const subnets = network.privateSubnets.length > 0 ? network.privateSubnets : network.publicSubnets;
  const group = new SecurityGroup(scope, 'Machines', {
    vpc: network,
    description: `Machines of host ${settings.name}: they call, and are never called`,
    allowAllOutbound: true,
    allowAllIpv6Outbound: network.publicSubnets === subnets,
  });
  const options = ec2HostOptions.parse(settings.options);
  const machines = pools.map((pool) => launchedOf(pool, { deployment, settings, options }));
  const logs = options.shipLogs ? createShippedLogs(new Construct(scope, 'Logs'), props) : null;
  const templates = machines.map((launched) => {
    const given = { ...launched, logs, stackName, securityGroupId: group.securityGroupId };
    return { pool: launched.pool, template: createTemplate(new Construct(scope, launched.pool.name), given) };
  });
  const images = options.images && {
    images: createImages(new Construct(scope, 'Images'), {
      ...{ deployment, host: settings.name, ...options.images },
      built: machines.flatMap(({ pool, machine }) =>
        machine.image === undefined ? (builtImageFor(pool.os, machine) ?? []) : [],
      ),
      subnetId: (subnets[0] as ISubnet).subnetId,
      securityGroupId: group.securityGroupId,
    }),
  };
  const tables = templates.map(({ pool, template }) => [
    pool.name,
    `${template.ref}:${template.attrLatestVersionNumber}`,
  ]);
  const told = {
    stack: stackName,
    templates: Object.fromEntries(tables) as Record<string, string>,
    subnets: subnets.map(({ subnetId, availabilityZone }: ISubnet) => `${subnetId}:${availabilityZone}`),
  };
  return {
    permissions: [
      onOwnMachines(stackName, ['ec2:TerminateInstances', 'ec2:StopInstances']),
      releaseOwnHosts(stackName),
      lookAt('LookAtMachines', [
        'ec2:DescribeInstances',
        'ec2:DescribeHosts',
        'ec2:DescribeLaunchTemplateVersions',
      ]),
      // Whoever lists machines compares their images.
      ...imagePermissions(machines),
    ],
    launchPermissions: [
      ...launchPermissions(
        templates.map(({ template }) => arnOf('launch-template', template.ref)),
        subnets,
        group.securityGroupId,
      ),
      ...allocatePermissions(machines, stackName),
      ...rolePermissions([
        ...machines.flatMap(({ machine }) => machine.instanceProfile?.roleArn ?? []),
        ...(logs ? [logs.roleArn] : []),
      ]),
      onOwnMachines(stackName, ['ec2:StartInstances']),
      renameOwnMachines(stackName),
    ],
    remembersOffers: true,
    wildcards,
    environment: { [madeVariable(settings.name)]: Stack.of(scope).toJsonString(told) },
    ...images,
    events: [
      { source: ['aws.ec2'], detailType: [detailTypes.state], detail: { state: ['terminated'] } },
      ...(machines.some(({ machine }) => machine.market !== 'onDemand')
        ? [{ source: ['aws.ec2'], detailType: [detailTypes.interruption] }]
        : []),
    ],
    eventPermissions: [lookAt('LookAtMachines', ['ec2:DescribeInstances'])],
  };
};

/** Throws where its disk has no room for the image. */
function launchedOf(
  pool: PoolSettings,
  { deployment, settings, options }: { deployment: string; settings: HostSettings; options: Ec2HostOptions },
): Launched {
  const machine = ec2Machine.parse(pool.machine);
  const built = options.images && machine.image === undefined ? builtImageFor(pool.os, machine) : null;
  if (built && machine.diskGb < built.diskGb) throw new Error(diskTooSmall(pool, machine, built.diskGb));
  const image = imageOf(pool.os, machine, built && parameterOf(deployment, settings.name, built.name));
  return { pool, machine, image };
}

function createTemplate(
  scope: Construct,
  given: Launched & { logs: ShippedLogs | null; stackName: string; securityGroupId: string },
): CfnLaunchTemplate {
  const { pool, machine, image, logs, stackName, securityGroupId } = given;
  // Who has a role of its owner's ships by that one.
  const profile = machine.instanceProfile?.name ?? logs?.profileName;
  const tags = [{ key: tagKeys.stack, value: stackName }];
  const launchTemplateData: CfnLaunchTemplateProps['launchTemplateData'] = {
    imageId: isParameter(image) ? `resolve:ssm:${image}` : image,
    userData: Fn.base64(userDataOf(pool.os, machine, logs ? { logsGroup: logs.group } : {})),
    securityGroupIds: [securityGroupId],
    // What shuts itself down is gone: a machine whose job is done needs nobody to end it.
    instanceInitiatedShutdownBehavior: 'terminate',
    metadataOptions: {
      httpEndpoint: 'enabled',
      httpTokens: 'required',
      // Containers of a job do not reach it.
      httpPutResponseHopLimit: 1,
      instanceMetadataTags: 'enabled',
    },
    blockDeviceMappings: [
      {
        deviceName: machine.rootDevice,
        ebs: { volumeSize: machine.diskGb, volumeType: 'gp3', encrypted: true, deleteOnTermination: true },
      },
    ],
    tagSpecifications: [
      { resourceType: 'instance', tags },
      { resourceType: 'volume', tags },
    ],
    ...(profile && { iamInstanceProfile: { name: profile } }),
    ...(machine.standby === 'hibernated' && { hibernationOptions: { configured: true } }),
    ...(machine.instanceTypes.some(isMac) && {
      placement: {
        tenancy: 'host',
        ...(machine.hostResourceGroup && { hostResourceGroupArn: machine.hostResourceGroup }),
      },
    }),
  };
  return new CfnLaunchTemplate(scope, 'Template', { launchTemplateData });
}

/**
 * RunInstances asks for a right to everything that a launch touches. What it makes may be anything, as long as it is
 * made by these templates.
 */
function launchPermissions(
  templateArns: string[],
  subnets: readonly ISubnet[],
  securityGroupId: string,
): PolicyStatement[] {
  return [
    new PolicyStatement({
      sid: 'LaunchByTemplate',
      actions: ['ec2:CreateFleet', 'ec2:RunInstances'],
      resources: [
        ...templateArns,
        ...subnets.map(({ subnetId }) => arnOf('subnet', subnetId)),
        arnOf('security-group', securityGroupId),
        arnOf('fleet', '*'),
        `arn:${Aws.PARTITION}:ec2:${Aws.REGION}::image/*`,
        `arn:${Aws.PARTITION}:ec2:${Aws.REGION}::snapshot/*`,
        arnOf('image', '*'),
        arnOf('snapshot', '*'),
      ],
    }),
    new PolicyStatement({
      sid: 'WhatALaunchMakes',
      actions: ['ec2:CreateFleet', 'ec2:RunInstances'],
      resources: ['instance', 'network-interface', 'volume', 'spot-instances-request'].map((kind) =>
        arnOf(kind, '*'),
      ),
      conditions: { ArnEquals: { 'ec2:LaunchTemplate': templateArns } },
    }),
    new PolicyStatement({
      sid: 'TagWhatALaunchMakes',
      actions: ['ec2:CreateTags'],
      resources: ['instance', 'volume', 'fleet', 'network-interface', 'spot-instances-request'].map((kind) =>
        arnOf(kind, '*'),
      ),
      conditions: { StringEquals: { 'ec2:CreateAction': ['CreateFleet', 'RunInstances'] } },
    }),
    new PolicyStatement({
      sid: 'FirstSpotMachine',
      actions: ['iam:CreateServiceLinkedRole'],
      resources: [
        `arn:${Aws.PARTITION}:iam::${Aws.ACCOUNT_ID}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot`,
      ],
      conditions: { StringEquals: { 'iam:AWSServiceName': 'spot.amazonaws.com' } },
    }),
  ];
}

function imagePermissions(machines: readonly Launched[]): PolicyStatement[] {
  const images = machines.map(({ image }) => image).filter(isParameter);
  if (images.length === 0) return [];
  const account = (image: string) => (image.startsWith('/aws/') ? '' : Aws.ACCOUNT_ID);
  return [
    new PolicyStatement({
      sid: 'FindImages',
      actions: ['ssm:GetParameters'],
      resources: [...new Set(images)].map(
        (image) => `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${account(image)}:parameter${image}`,
      ),
    }),
  ];
}

function rolePermissions(roleArns: readonly string[]): PolicyStatement[] {
  const roles = new Set(roleArns);
  if (roles.size === 0) return [];
  return [
    new PolicyStatement({
      sid: 'RolesOfMachines',
      actions: ['iam:PassRole'],
      resources: [...roles],
      conditions: { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } },
    }),
  ];
}

function ownMachine(stackName: string) {
  return { [`aws:ResourceTag/${tagKeys.stack}`]: stackName };
}

function onOwnMachines(stackName: string, actions: string[]): PolicyStatement {
  return new PolicyStatement({
    sid: 'OwnMachines',
    actions,
    resources: [arnOf('instance', '*')],
    conditions: { StringEquals: ownMachine(stackName) },
  });
}

/** A spare gets its new name; nothing else about it can be changed, its stack least of all. */
function renameOwnMachines(stackName: string): PolicyStatement {
  return new PolicyStatement({
    sid: 'RenameSpares',
    actions: ['ec2:CreateTags'],
    resources: [arnOf('instance', '*')],
    conditions: {
      StringEquals: ownMachine(stackName),
      'ForAllValues:StringEquals': {
        'aws:TagKeys': [tagKeys.shown, tagKeys.name, tagKeys.former, tagKeys.trace],
      },
    },
  });
}

/** EC2 knows no rights to single machines here. [Service authorization reference: EC2] */
function lookAt(sid: string, actions: string[]): PolicyStatement {
  return new PolicyStatement({ sid, effect: Effect.ALLOW, actions, resources: ['*'] });
}

/** Always: what was allocated for a pool that is no more has to be let go of too. */
function releaseOwnHosts(stackName: string): PolicyStatement {
  return new PolicyStatement({
    sid: 'ReleaseDedicatedHosts',
    actions: ['ec2:ReleaseHosts'],
    resources: [arnOf('dedicated-host', '*')],
    conditions: { StringEquals: ownMachine(stackName) },
  });
}

/** Each costs for a day: of the types of these pools alone, tagged as this stack's, or nothing would release it. */
function allocatePermissions(machines: readonly Launched[], stackName: string): PolicyStatement[] {
  const types = machines.flatMap(({ machine }) =>
    machine.dedicatedHostsMax > 0 ? machine.instanceTypes : [],
  );
  if (types.length === 0) return [];
  const resources = [arnOf('dedicated-host', '*')];
  return [
    new PolicyStatement({
      sid: 'AllocateDedicatedHosts',
      actions: ['ec2:AllocateHosts'],
      resources,
      conditions: {
        StringEquals: {
          'ec2:InstanceType': [...new Set(types)],
          [`aws:RequestTag/${tagKeys.stack}`]: stackName,
        },
      },
    }),
    new PolicyStatement({
      sid: 'TagDedicatedHosts',
      actions: ['ec2:CreateTags'],
      resources,
      conditions: { StringEquals: { 'ec2:CreateAction': 'AllocateHosts' } },
    }),
    new PolicyStatement({
      sid: 'WantDedicatedHosts',
      actions: ['ec2:CreateTags'],
      resources,
      conditions: {
        StringEquals: ownMachine(stackName),
        'ForAllValues:StringEquals': { 'aws:TagKeys': [tagKeys.wanted] },
      },
    }),
  ];
}

const ofThisAccount = 'arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>';
const ofAnyAccount = 'arn:<AWS::Partition>:ec2:<AWS::Region>:';

const wildcards: readonly Wildcard[] = [
  { resource: '*', reason: 'EC2 knows no right to look at some machines alone.' },
  {
    resource: `${ofThisAccount}:instance/*`,
    reason:
      "A machine has no name before it is launched: made by the host's templates, or tagged as its own.",
  },
  {
    resource: `${ofThisAccount}:dedicated-host/*`,
    reason: 'A dedicated host has no name before it is allocated: tagged as the own stack, or it can not be.',
  },
  ...['volume', 'network-interface', 'spot-instances-request', 'fleet'].map((kind) => ({
    resource: `${ofThisAccount}:${kind}/*`,
    reason: "A launch makes it, so it has no name before: by the host's templates alone.",
  })),
  ...['image', 'snapshot'].flatMap((kind) =>
    [`${ofThisAccount}:${kind}/*`, `${ofAnyAccount}:${kind}/*`].map((resource) => ({
      resource,
      reason: "Which image a launch takes is in the host's templates, which it can not be made without.",
    })),
  ),
];

function arnOf(kind: string, id: string): string {
  return `arn:${Aws.PARTITION}:ec2:${Aws.REGION}:${Aws.ACCOUNT_ID}:${kind}/${id}`;
}

function tooManyPools({ name }: HostSettings, count: number): string {
  return (
    `host ${name} has ${count} pools on EC2; what a function is told of them has room for ${poolsMax}. ` +
    'Remedy: put some of the pools on another host of type ec2.'
  );
}

function diskTooSmall({ name }: PoolSettings, { diskGb }: Ec2Machine, diskGbMin: number): string {
  return (
    `pool ${name} has a disk of ${diskGb} GB, and the image that is built for it takes ${diskGbMin}. ` +
    `Remedy: set its machine's diskGb to ${diskGbMin} or more, or give it an image of its own.`
  );
}
