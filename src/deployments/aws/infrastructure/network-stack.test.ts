import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib/core';
import { awsSchema } from '../../../config/aws.ts';
import { existingNetwork, NetworkStack } from './network-stack.ts';
import { plain, type Settings, type Templates, templatesOf } from './testing.ts';

function network(settings: Settings['network'], how: 'checked' | 'unchecked' = 'unchecked'): Templates {
  const app = new App({ analyticsReporting: false });
  new NetworkStack(app, 'test-network', { settings: awsSchema.parse({ network: settings }) });
  return templatesOf(app, how);
}

test('no network is made where no host asks for one', () => {
  assert.ok(!plain().stacks.has('network'));
  assert.equal(plain().resources('AWS::EC2::VPC').length, 0);
});

describe('a public network', () => {
  const made = network({}, 'checked');

  test('gives machines addresses of both kinds, in two zones, and has no gateway to pay for', () => {
    const subnets = made.resources('AWS::EC2::Subnet');
    assert.equal(subnets.length, 2);
    for (const { id, properties } of subnets) {
      assert.equal(properties['MapPublicIpOnLaunch'], true, id);
      assert.ok(properties['Ipv6CidrBlock'], id);
    }
    assert.equal(made.resources('AWS::EC2::NatGateway').length, 0);
    assert.equal(made.resources('AWS::EC2::EIP').length, 0);
  });

  test('opens nothing: each host makes a security group of its own', () => {
    assert.equal(made.resources('AWS::EC2::SecurityGroup').length, 0);
    assert.equal(made.resources('AWS::EC2::SecurityGroupIngress').length, 0);
  });

  test('logs connections', () => {
    const [flow] = made.resources('AWS::EC2::FlowLog');
    assert.equal(flow?.properties['TrafficType'], 'ALL');
    assert.equal(made.resources('AWS::Logs::LogGroup')[0]?.properties['RetentionInDays'], 30);
  });

  test('is made without a function, and reaches S3 without leaving', () => {
    assert.equal(made.resources('AWS::Lambda::Function').length, 0);
    const [endpoint] = made.resources('AWS::EC2::VPCEndpoint');
    assert.match(JSON.stringify(endpoint?.properties['ServiceName']), /\.s3"/);
  });
});

test('behind a gateway machines have no address of their own', () => {
  const made = network({ kind: 'nat' });
  assert.equal(made.resources('AWS::EC2::NatGateway').length, 1);
  for (const { id, properties } of made.resources('AWS::EC2::Subnet')) {
    assert.equal(properties['MapPublicIpOnLaunch'], false, id);
  }
});

test('a gateway in each zone, in the zones that are named', () => {
  const zones = ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'];
  const made = network({ kind: 'nat', natGateways: 'perZone', zones });
  assert.equal(made.resources('AWS::EC2::NatGateway').length, 3);
  const used = made.resources('AWS::EC2::Subnet').map(({ properties }) => properties['AvailabilityZone']);
  assert.deepEqual([...new Set(used)].sort(), zones);
});

test('connections are not logged where that is not wanted', () => {
  assert.equal(network({ flowLogs: false }).resources('AWS::EC2::FlowLog').length, 0);
});

test('an existing network is used as it is', () => {
  const settings = awsSchema.parse({
    network: {
      kind: 'existing',
      vpcId: 'vpc-0123456789abcdef0',
      subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
      zones: ['eu-west-1a', 'eu-west-1b'],
    },
  });
  const stack = new Stack(new App({ analyticsReporting: false }), 'test-hosts');
  const vpc = existingNetwork(stack, 'Network', settings);
  assert.equal(vpc.vpcId, 'vpc-0123456789abcdef0');
  assert.deepEqual(
    vpc.privateSubnets.map(({ subnetId, availabilityZone }) => [subnetId, availabilityZone]),
    [
      ['subnet-0123456789abcdef0', 'eu-west-1a'],
      ['subnet-0123456789abcdef1', 'eu-west-1b'],
    ],
  );
});
