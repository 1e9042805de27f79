import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import type { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { App, Stack, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { demandConfiguration } from '../../../config/check.ts';
import { type HostSettings, type PoolSettings, poolsOfHost } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import type { HostInfrastructure } from '../infrastructure.ts';
import { createInfrastructure } from './infrastructure.ts';
import { madeVariable, readMade } from './made.ts';

const host = 'fn' as HostName;
const image = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/ours/runner';

interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  UpdateReplacePolicy?: string;
}

function configurationOf(options: object = {}) {
  const pool = { host: 'fn', os: 'linux', jobMinutesMax: 10 };
  return demandConfiguration({
    hosts: { fn: { type: 'lambda', limit: 50, options } },
    pools: {
      short: { ...pool, labels: ['short'], limit: 40, machine: { image: `${image}:1.2` } },
      arm: {
        ...{ ...pool, labels: ['arm'], limit: 7 },
        machine: {
          ...{ architecture: 'arm64', memoryMb: 1_769, ephemeralStorageMb: 2_048 },
          image: `${image}@sha256:${'a'.repeat(64)}`,
        },
      },
      built: { ...pool, labels: ['built'], limit: 3, machine: { runnerVersion: '2.336.0' } },
    },
  }).configuration;
}

function make(options: object = {}) {
  const configuration = configurationOf(options);
  const app = new App();
  const stack = new Stack(app, 'hosts', { env: { account: '123456789012', region: 'eu-west-1' } });
  const [settings] = configuration.hosts;
  assert.ok(settings);
  const pools = poolsOfHost(configuration, settings.name);
  const made = createInfrastructure(stack, {
    ...{ stackName: 'github-runners', settings, pools, logRetentionDays: 14 },
    vpc: () => assert.fail('a network was asked for'),
  });
  return { app, stack, made };
}

describe('what a host on Lambda is made of', () => {
  let made: HostInfrastructure;
  let stack: Stack;
  let resources: Record<string, Resource>;

  before(() => {
    const one = make();
    ({ made, stack } = one);
    Validations.of(one.app).addPlugins(new AwsSolutionsChecks(one.app));
    resources = (Template.fromStack(stack).toJSON() as { Resources: Record<string, Resource> }).Resources;
  });

  const ofType = (type: string) => Object.entries(resources).filter(([, { Type }]) => Type === type);
  const functions = () => ofType('AWS::Lambda::Function').map(([, { Properties }]) => Properties);

  test('is a function for each pool: an image, with the memory, the disk and the architecture of its machine', () => {
    const [short, arm, built] = functions();
    assert.equal(functions().length, 3);
    for (const one of functions()) {
      assert.equal(one['PackageType'], 'Image');
      assert.equal(one['Timeout'], 900);
      assert.deepEqual(one['Environment'], { Variables: { RUNNER_JOB_SECONDS: '600' } });
      assert.equal(one['VpcConfig'], undefined);
      assert.deepEqual(one['TenancyConfig'], { TenantIsolationMode: 'PER_TENANT' });
    }
    assert.deepEqual(
      [short, arm, built].map((one) => [
        one?.['MemorySize'],
        one?.['EphemeralStorage'],
        one?.['Architectures'],
        one?.['ReservedConcurrentExecutions'],
      ]),
      [
        [4_096, { Size: 10_240 }, ['x86_64'], 40],
        [1_769, { Size: 2_048 }, ['arm64'], 7],
        [4_096, { Size: 10_240 }, ['x86_64'], 3],
      ],
    );
    const uriOf = (one: Record<string, unknown> | undefined) => JSON.stringify(one?.['Code']);
    assert.match(uriOf(short), /123456789012\.dkr\.ecr\.eu-west-1\..*\/ours\/runner:1\.2"/);
    assert.match(uriOf(arm), /\/ours\/runner@sha256:a{64}"/);
    assert.match(uriOf(built), /cdk-hnb659fds-container-assets-/);
  });

  test('runs each event once, drops what waited for a minute, and tells of both ends', () => {
    const once = ofType('AWS::Lambda::EventInvokeConfig').map(([, { Properties }]) => Properties);
    assert.equal(once.length, 3);
    for (const one of once) {
      assert.equal(one['MaximumRetryAttempts'], 0);
      assert.equal(one['MaximumEventAgeInSeconds'], 60);
      assert.equal(one['Qualifier'], '$LATEST');
      const { OnSuccess, OnFailure } = one['DestinationConfig'] as Record<string, unknown>;
      assert.match(JSON.stringify(OnSuccess), /:event-bus\/default/);
      assert.deepEqual(OnSuccess, OnFailure);
    }
    const patterns = stack.resolve(made.events) as Record<string, unknown>[];
    assert.equal(patterns.length, 3);
    assert.equal(new Set(patterns.map((pattern) => JSON.stringify(pattern))).size, 3);
    for (const pattern of patterns) {
      assert.deepEqual(pattern['source'], ['lambda']);
      assert.match(JSON.stringify(pattern['detail']), /functionArn":\[\{"prefix":\{"Fn::GetAtt"/);
    }
  });

  test('gives its functions a role that may write their own log, and have their end told: nothing else', () => {
    const roles = ofType('AWS::IAM::Role');
    assert.equal(roles.length, 3);
    assert.equal(ofType('AWS::IAM::Policy').length, 0);
    for (const [, { Properties }] of roles) {
      assert.equal(Properties['ManagedPolicyArns'], undefined);
      const [policy] = Properties['Policies'] as {
        PolicyDocument: { Statement: Record<string, unknown>[] };
      }[];
      const statements = policy?.PolicyDocument.Statement ?? [];
      assert.deepEqual(
        statements.map(({ Action }) => Action),
        [['logs:CreateLogStream', 'logs:PutLogEvents'], 'events:PutEvents'],
      );
      for (const { Resource } of statements) assert.notEqual(Resource, '*');
    }
    for (const [, { Properties }] of ofType('AWS::Logs::LogGroup'))
      assert.equal(Properties['RetentionInDays'], 14);
  });

  test('lets launchers invoke these functions, and nobody do anything else', () => {
    assert.deepEqual(made.permissions, []);
    const [statement] = (made.launchPermissions ?? []).map(
      (one: PolicyStatement) => stack.resolve(one.toStatementJson()) as Record<string, unknown>,
    );
    assert.equal(made.launchPermissions?.length, 1);
    assert.equal(statement?.['Action'], 'lambda:InvokeFunction');
    assert.equal((statement?.['Resource'] as unknown[] | undefined)?.length, 3);
    assert.equal(JSON.stringify(statement).includes('*'), false);
  });

  test('tells the adapter which function is whose', () => {
    const written = JSON.stringify(stack.resolve(made.environment[madeVariable(host)]));
    for (const pool of ['short', 'arm', 'built']) assert.ok(written.includes(`\\"${pool}\\":`), written);
    const text = JSON.stringify({ functions: { short: 'hosts-fnshortFunction-1a2b' } });
    assert.deepEqual(readMade({ LAMBDA_FN: text }, host), {
      functions: { short: 'hosts-fnshortFunction-1a2b' },
    });
    assert.throws(() => readMade({}, host), /LAMBDA_FN is not set\. Remedy/);
    assert.throws(() => readMade({ LAMBDA_FN: '{' }, host), /not as it was deployed/);
  });

  test('uses environments again, and reserves none or more, where its options say so', () => {
    const { stack: other } = make({ freshEnvironments: false, reservedPerRunner: 4 });
    const template = Template.fromStack(other).toJSON() as { Resources: Record<string, Resource> };
    const made4 = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
    assert.deepEqual(
      made4.map(({ Properties }) => [
        Properties['ReservedConcurrentExecutions'],
        Properties['TenancyConfig'],
      ]),
      [
        [160, undefined],
        [28, undefined],
        [12, undefined],
      ],
    );
    const none = Template.fromStack(make({ reservedPerRunner: 0 }).stack).toJSON() as typeof template;
    for (const { Type, Properties } of Object.values(none.Resources))
      if (Type === 'AWS::Lambda::Function')
        assert.equal(Properties['ReservedConcurrentExecutions'], undefined);
  });

  test('is refused with more pools than a function can be told of', () => {
    const configuration = configurationOf();
    const [pool] = configuration.pools as readonly PoolSettings[];
    assert.ok(pool);
    assert.throws(
      () =>
        createInfrastructure(new Stack(), {
          stackName: 'github-runners',
          settings: configuration.hosts[0] as HostSettings,
          pools: Array.from({ length: 31 }, () => pool),
          vpc: () => assert.fail(),
        }),
      /31 pools.*30 at most.*Remedy/,
    );
  });
});
