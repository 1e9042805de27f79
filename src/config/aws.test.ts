import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkConfiguration, demandConfiguration } from './check.ts';

const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:traces-AbCdEf';

function written(aws?: unknown) {
  return {
    hosts: { office: { type: 'local', limit: 4 } },
    pools: {
      lint: {
        host: 'office',
        os: 'linux',
        labels: ['lint'],
        limit: 4,
        machine: { directory: '/opt/runner' },
      },
    },
    ...(aws !== undefined && { aws }),
  };
}

function placesRefused(aws: unknown): string[] {
  const checked = checkConfiguration(written(aws));
  return checked.outcome === 'refused' ? checked.problems.map(({ place }) => place) : [];
}

test('all that is said of AWS has a default', () => {
  const { aws } = demandConfiguration(written());
  assert.equal(aws.stackName, 'github-runners');
  assert.equal(aws.encryption, 'aws');
  assert.equal(aws.secretsStore, 'secretsManager');
  assert.equal(aws.retain, false);
  assert.equal(aws.logRetentionDays, 30);
  assert.equal(aws.permissionsBoundary, undefined);
  assert.deepEqual(aws.network, {
    kind: 'public',
    cidr: '10.64.0.0/16',
    natGateways: 'one',
    flowLogs: true,
  });
});

test('what is said of AWS makes no host recount: it is no part of the configuration or its version', () => {
  const plain = demandConfiguration(written()).configuration;
  const deployed = demandConfiguration(written({ stackName: 'ci', encryption: 'customerManaged' }));
  assert.equal(deployed.aws.stackName, 'ci');
  assert.deepEqual(deployed.configuration, plain);
});

test('a key that is misspelt is refused, with the one that was meant', () => {
  const checked = checkConfiguration(written({ network: { natGateway: 'one' } }));
  assert.equal(checked.outcome, 'refused');
  const [problem] = checked.outcome === 'refused' ? checked.problems : [];
  assert.equal(problem?.place, 'aws.network.natGateway');
  assert.equal(problem?.remedy, 'did you mean natGateways?');
});

for (const { says, aws, places } of [
  {
    says: 'a name that CloudFormation would refuse',
    aws: { stackName: '1st_runners' },
    places: ['aws.stackName'],
  },
  {
    says: 'a name so long that others made of it would be cut to the same',
    aws: { stackName: 'a'.repeat(31) },
    places: ['aws.stackName'],
  },
  {
    says: 'a boundary that is no policy',
    aws: { permissionsBoundary: 'runners' },
    places: ['aws.permissionsBoundary'],
  },
  { says: 'a path of roles without its slashes', aws: { rolePath: 'ci' }, places: ['aws.rolePath'] },
  {
    says: 'days that logs can not be kept for',
    aws: { logRetentionDays: 31 },
    places: ['aws.logRetentionDays'],
  },
  {
    says: 'a topic of alarms that is none',
    aws: { alarmTopicArn: 'arn:aws:sqs:eu-west-1:123456789012:x' },
    places: ['aws.alarmTopicArn'],
  },
  { says: "a tag of AWS's own", aws: { tags: { 'aws:team': 'build' } }, places: ["aws.tags['aws:team']"] },
  {
    says: "a tag of the system's own",
    aws: { tags: { 'runners:deployment': 'x' } },
    places: ["aws.tags['runners:deployment']"],
  },
  {
    says: 'more tags than a stack can have',
    aws: { tags: Object.fromEntries(Array.from({ length: 41 }, (_, at) => [`tag${at}`, 'x'])) },
    places: ['aws.tags'],
  },
  {
    says: 'an existing network that is not named',
    aws: { network: { kind: 'existing' } },
    places: ['aws.network.subnetIds', 'aws.network.vpcId', 'aws.network.zones'],
  },
  {
    says: 'an existing network with a zone for one subnet of two',
    aws: {
      network: {
        kind: 'existing',
        vpcId: 'vpc-0123456789abcdef0',
        subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
        zones: ['eu-west-1a'],
      },
    },
    places: ['aws.network.zones'],
  },
  {
    says: 'a network that is named and is to be made',
    aws: { network: { kind: 'nat', vpcId: 'vpc-0123456789abcdef0' } },
    places: ['aws.network.vpcId'],
  },
  {
    says: 'more zones than are of use',
    aws: { network: { zones: ['a', 'b', 'c', 'd', 'e'].map((zone) => `us-east-1${zone}`) } },
    places: ['aws.network.zones'],
  },
  {
    says: 'traces that go nowhere, or in the open',
    aws: { tracing: { to: 'http://collector.example.com/v1/traces' } },
    places: ['aws.tracing.to'],
  },
  {
    says: "a collector's key in its address, which everybody could read",
    aws: { tracing: { to: 'https://collector.example.com/v1/traces?key=hush' } },
    places: ['aws.tracing.to'],
  },
  {
    says: 'headers for X-Ray, which wants none',
    aws: { tracing: { to: 'xray', headersSecretArn: secretArn } },
    places: ['aws.tracing.headersSecretArn'],
  },
  {
    says: 'headers in another store than the other secrets',
    aws: {
      secretsStore: 'parameterStore',
      tracing: { to: 'https://collector.example.com/v1/traces', headersSecretArn: secretArn },
    },
    places: ['aws.tracing.headersSecretArn'],
  },
  {
    says: 'a share of traces that is none',
    aws: { tracing: { to: 'xray', sampleRatio: 50 } },
    places: ['aws.tracing.sampleRatio'],
  },
]) {
  test(`refused: ${says}`, () => assert.deepEqual(placesRefused(aws), places));
}

test('an existing network is accepted with the zone of each subnet', () => {
  const network = {
    kind: 'existing',
    vpcId: 'vpc-0123456789abcdef0',
    subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'],
    zones: ['eu-west-1a', 'eu-west-1b'],
  };
  assert.deepEqual(placesRefused({ network }), []);
});
