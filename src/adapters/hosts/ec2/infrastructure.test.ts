import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { App, Stack } from 'aws-cdk-lib/core';
import { demandConfiguration } from '../../../config/check.ts';
import { defineConfig } from '../../../config/define-config.ts';
import { poolsOfHost } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { HostInfrastructure } from '../infrastructure.ts';
import { createInfrastructure } from './infrastructure.ts';
import { madeVariable, readMade } from './made.ts';
import { tagKeys } from './tags.ts';

const host = 'ec2' as HostName;
const labels = (name: string) => ['self-hosted', name];
const { configuration } = demandConfiguration(
  defineConfig({
    hosts: { ec2: { type: 'ec2', limit: 20 } },
    pools: {
      build: {
        ...{ host: 'ec2', os: 'linux', limit: 9, labels: labels('build') },
        machine: { instanceTypes: ['m7i.large', 'm6i.large'], market: 'spotThenOnDemand' },
      },
      ready: {
        ...{ host: 'ec2', os: 'windows', limit: 3, labels: labels('ready') },
        machine: { instanceTypes: ['m7i.xlarge'], standby: 'hibernated', diskGb: 80 },
      },
      ios: {
        ...{ host: 'ec2', os: 'macos', limit: 1, labels: labels('ios') },
        machine: {
          ...{ instanceTypes: ['mac2.metal'], architecture: 'arm64', image: 'ami-0123456789abcdef0' },
          dedicatedHostsMax: 2,
          instanceProfile: { name: 'signing', roleArn: 'arn:aws:iam::123456789012:role/signing' },
        },
      },
    },
  }),
  'the configuration of this test',
);

interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
}
interface TemplateData {
  ImageId: string;
  UserData: { 'Fn::Base64': string };
  InstanceInitiatedShutdownBehavior: string;
  MetadataOptions: Record<string, unknown>;
  BlockDeviceMappings: { Ebs: Record<string, unknown> }[];
  TagSpecifications: { ResourceType: string; Tags: unknown[] }[];
  IamInstanceProfile?: unknown;
  HibernationOptions?: unknown;
  Placement?: unknown;
  SecurityGroupIds: unknown[];
}

describe('what a host on EC2 is made of', () => {
  let made: HostInfrastructure;
  let stack: Stack;
  let template: Template;

  before(() => {
    stack = new Stack(new App(), 'hosts', { env: { account: '123456789012', region: 'eu-west-1' } });
    const vpc = new Vpc(stack, 'Vpc', {
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'Machines', subnetType: SubnetType.PUBLIC }],
    });
    const [settings] = configuration.hosts;
    assert.ok(settings);
    const pools = poolsOfHost(configuration, settings.name);
    made = createInfrastructure(stack, {
      stackName: 'github-runners',
      settings,
      pools,
      vpc: () => vpc as never,
    });
    template = Template.fromStack(stack);
  });

  const resources = (type: string) =>
    Object.values((template.toJSON() as { Resources: Record<string, Resource> }).Resources).filter(
      (resource) => resource.Type === type,
    );
  const dataOf = (at: number) =>
    resources('AWS::EC2::LaunchTemplate')[at]?.Properties['LaunchTemplateData'] as TemplateData;
  const statements = () =>
    [...made.permissions, ...(made.launchPermissions ?? [])].map(
      (statement: PolicyStatement) =>
        stack.resolve(statement.toStatementJson()) as {
          Sid: string;
          Action: string | string[];
          Resource: unknown;
          Condition?: Record<string, Record<string, unknown>>;
        },
    );

  test('machines end when they shut down, and keep their metadata from containers and old requests', () => {
    assert.equal(resources('AWS::EC2::LaunchTemplate').length, 3);
    for (const at of [0, 1, 2]) {
      const data = dataOf(at);
      assert.equal(data.InstanceInitiatedShutdownBehavior, 'terminate');
      assert.deepEqual(data.MetadataOptions, {
        HttpEndpoint: 'enabled',
        HttpPutResponseHopLimit: 1,
        HttpTokens: 'required',
        InstanceMetadataTags: 'enabled',
      });
      assert.equal(data.BlockDeviceMappings[0]?.Ebs['Encrypted'], true);
      assert.equal(data.BlockDeviceMappings[0]?.Ebs['DeleteOnTermination'], true);
      const stackTag = { Key: tagKeys.stack, Value: stack.stackName };
      for (const { Tags } of data.TagSpecifications) assert.deepEqual(Tags, [stackTag]);
    }
  });

  test('machines have no role, but where a pool names one of its owner', () => {
    assert.deepEqual(
      [0, 1, 2].map((at) => dataOf(at).IamInstanceProfile),
      [undefined, undefined, { Name: 'signing' }],
    );
    assert.equal(resources('AWS::IAM::Role').length, 0);
    const pass = statements().find(({ Action }) => Action === 'iam:PassRole');
    assert.equal(pass?.Resource, 'arn:aws:iam::123456789012:role/signing');
    assert.deepEqual(pass?.Condition, { StringEquals: { 'iam:PassedToService': 'ec2.amazonaws.com' } });
  });

  test('each pool has its image, its script, and what its way of standing by needs', () => {
    assert.match(dataOf(0).ImageId, /^resolve:ssm:\/aws\/service\/canonical\/ubuntu\/.*amd64/);
    assert.equal(dataOf(2).ImageId, 'ami-0123456789abcdef0');
    assert.match(dataOf(0).UserData['Fn::Base64'], /^#!\/bin\/sh\n/);
    assert.match(dataOf(1).UserData['Fn::Base64'], /^version: 1\.1\n/);
    assert.match(dataOf(2).UserData['Fn::Base64'], /LaunchDaemons/);
    assert.deepEqual(
      [0, 1, 2].map((at) => dataOf(at).HibernationOptions),
      [undefined, { Configured: true }, undefined],
    );
    assert.deepEqual(dataOf(2).Placement, { Tenancy: 'host' });
  });

  test('nobody can call a machine', () => {
    const [group] = resources('AWS::EC2::SecurityGroup');
    assert.equal(group?.Properties['SecurityGroupIngress'], undefined);
    assert.equal(resources('AWS::EC2::SecurityGroupIngress').length, 0);
    assert.deepEqual(dataOf(0).SecurityGroupIds.length, 1);
  });

  test('a launch is allowed by these templates alone, and everything else on machines of this stack alone', () => {
    const launch = statements().find(({ Sid }) => Sid === 'WhatALaunchMakes');
    const templates = launch?.Condition?.['ArnEquals']?.['ec2:LaunchTemplate'];
    assert.equal((templates as unknown[]).length, 3);
    const own = statements().filter(({ Sid }) => Sid === 'OwnMachines' || Sid === 'RenameSpares');
    assert.equal(own.length, 3);
    for (const statement of own) {
      assert.deepEqual(statement.Condition?.['StringEquals'], {
        [`aws:ResourceTag/${tagKeys.stack}`]: stack.stackName,
      });
    }
    const keys = statements().find(({ Sid }) => Sid === 'RenameSpares')?.Condition?.[
      'ForAllValues:StringEquals'
    ];
    assert.equal(JSON.stringify(keys).includes(tagKeys.stack), false);
    assert.equal(JSON.stringify(keys).includes(tagKeys.prefix), false);
  });

  test('no action has a star, and only a look has every resource', () => {
    for (const { Sid, Action, Resource } of statements()) {
      assert.equal(
        [Action].flat().some((action) => action.includes('*')),
        false,
        Sid,
      );
      if ([Resource].flat().includes('*'))
        assert.ok(
          [Action].flat().every((action) => action.startsWith('ec2:Describe')),
          Sid,
        );
    }
    const calls = new Set(statements().flatMap(({ Action }) => Action));
    assert.deepEqual([...calls].sort(), [
      'ec2:AllocateHosts',
      'ec2:CreateFleet',
      'ec2:CreateTags',
      'ec2:DescribeHosts',
      'ec2:DescribeInstances',
      'ec2:DescribeLaunchTemplateVersions',
      'ec2:ReleaseHosts',
      'ec2:RunInstances',
      'ec2:StartInstances',
      'ec2:StopInstances',
      'ec2:TerminateInstances',
      'iam:CreateServiceLinkedRole',
      'iam:PassRole',
      'ssm:GetParameters',
    ]);
  });

  test('dedicated hosts are allocated of types of its pools alone, and only those of this stack are changed', () => {
    const of = (sid: string) => statements().find(({ Sid }) => Sid === sid);
    const own = { [`aws:ResourceTag/${tagKeys.stack}`]: stack.stackName };
    assert.deepEqual(of('AllocateDedicatedHosts')?.Condition?.['StringEquals'], {
      'ec2:InstanceType': ['mac2.metal'],
      [`aws:RequestTag/${tagKeys.stack}`]: stack.stackName,
    });
    assert.deepEqual(of('TagDedicatedHosts')?.Condition?.['StringEquals'], {
      'ec2:CreateAction': 'AllocateHosts',
    });
    assert.deepEqual(of('WantDedicatedHosts')?.Condition, {
      'ForAllValues:StringEquals': { 'aws:TagKeys': [tagKeys.wanted] },
      StringEquals: own,
    });
    assert.deepEqual(of('ReleaseDedicatedHosts')?.Condition, { StringEquals: own });
    assert.equal(
      made.permissions.some(({ sid }) => sid === 'FindImages'),
      true,
      'whoever lists machines asks for their images',
    );
  });

  test('the adapter reads what the environment tells it', () => {
    const [variable] = Object.keys(made.environment);
    assert.equal(variable, madeVariable(host));
    // What CloudFormation puts in at the deploy is put in here.
    const text = join(stack.resolve(made.environment[madeVariable(host)]));
    const { stack: told, templates, subnets } = readMade({ [madeVariable(host)]: text }, host);
    assert.equal(told, stack.stackName);
    assert.deepEqual(Object.keys(templates), ['build', 'ready', 'ios']);
    assert.deepEqual(Object.values(subnets), ['eu-west-1a', 'eu-west-1b']);
    assert.throws(() => readMade({}, host), /EC2_EC2 is not set\. Remedy/);
    assert.throws(() => readMade({ EC2_EC2: '{"templates":{}}' }, host), /not as it was deployed/);
  });

  test('its launchers may ask the table what had no capacity', () => {
    assert.equal(made.remembersOffers, true);
  });

  test('the only events are those of ends and of spot machines taken back, and who reads them may look a machine up', () => {
    assert.deepEqual(made.events, [
      {
        source: ['aws.ec2'],
        detailType: ['EC2 Instance State-change Notification'],
        detail: { state: ['terminated'] },
      },
      { source: ['aws.ec2'], detailType: ['EC2 Spot Instance Interruption Warning'] },
    ]);
    const [lookUp] = made.eventPermissions ?? [];
    assert.deepEqual(lookUp?.toStatementJson().Action, 'ec2:DescribeInstances');
  });
});

/** `Fn::Join` of texts and of what only CloudFormation knows. */
function join(resolved: unknown): string {
  const parts = (resolved as { 'Fn::Join': [string, unknown[]] })['Fn::Join'][1];
  const known = (part: unknown): string => {
    if (typeof part === 'string') return part;
    const text = JSON.stringify(part);
    if (text.includes('LatestVersionNumber')) return '7';
    return text.includes('Subnet') ? `subnet-${hash(text)}` : `lt-${hash(text)}`;
  };
  return parts.map(known).join('');
}

function hash(text: string): string {
  let sum = 0;
  for (const character of text) sum = (sum * 31 + character.charCodeAt(0)) % 0xffffffff;
  return sum.toString(16).padStart(8, '0');
}
