// What a host on Lambda is made of: a function for each pool, with an image, a log group, and a role that may write that
// log and tell of an end; and the events that tell of it. Launchers may invoke these functions and no others.
//
// An event is tried once: what a second try would start is a runner that nobody waits for. It is dropped where it waited
// for a minute, which is the least that Lambda takes, and comes back with that reason.

import { fileURLToPath } from 'node:url';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  CfnEventInvokeConfig,
  DockerImageCode,
  DockerImageFunction,
  type IFunction,
  TenancyConfig,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Aws, Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostSettings, PoolSettings } from '../../../core/configuration.ts';
import type { CreateHostInfrastructure } from '../infrastructure.ts';
import { eventAgeSecondsMax, timeoutSeconds } from './hard-end.ts';
import { madeVariable } from './made.ts';
import { type LambdaHostOptions, type LambdaMachine, lambdaHostOptions, lambdaMachine } from './options.ts';

/** A function's environment has 4 KB, and each pool takes some 90 bytes of it. [Lambda: quotas] */
const poolsMax = 30;
/** As long as other logs, where nobody says otherwise. */
const logRetentionDaysDefault = 30;

const imageFolder = fileURLToPath(new URL('image', import.meta.url));

export const createInfrastructure: CreateHostInfrastructure = (scope, { settings, pools, ...props }) => {
  if (pools.length > poolsMax) throw new Error(tooManyPools(settings, pools.length));
  const options = lambdaHostOptions.parse(settings.options);
  const { logRetentionDays = logRetentionDaysDefault } = props;
  const made = pools.map((pool) => {
    const machine = lambdaMachine.parse(pool.machine);
    const given = { pool, machine, options, logRetentionDays };
    return { pool, runner: createFunction(new Construct(scope, pool.name), given) };
  });
  const functions = Object.fromEntries(made.map(({ pool, runner }) => [pool.name, runner.functionName]));
  return {
    permissions: [],
    launchPermissions: [
      new PolicyStatement({
        sid: 'StartRunners',
        actions: ['lambda:InvokeFunction'],
        resources: made.map(({ runner }) => runner.functionArn),
      }),
    ],
    environment: { [madeVariable(settings.name)]: Stack.of(scope).toJsonString({ functions }) },
    events: made.map(({ runner }) => ({
      source: ['lambda'],
      detailType: [
        'Lambda Function Invocation Result - Success',
        'Lambda Function Invocation Result - Failure',
      ],
      // The record names the version too, behind it.
      detail: { requestContext: { functionArn: [{ prefix: runner.functionArn }] } },
    })),
  };
};

function createFunction(
  scope: Construct,
  given: {
    pool: PoolSettings;
    machine: LambdaMachine;
    options: LambdaHostOptions;
    logRetentionDays: number;
  },
): IFunction {
  const { pool, machine, options, logRetentionDays } = given;
  const logGroup = new LogGroup(scope, 'Logs', {
    retention: logRetentionDays as RetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const bus = `arn:${Aws.PARTITION}:events:${Aws.REGION}:${Aws.ACCOUNT_ID}:event-bus/default`;
  const role = new Role(scope, 'Role', {
    description: `Runners of pool ${pool.name}: may write their log, and Lambda tells of their end by it`,
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    inlinePolicies: {
      Own: new PolicyDocument({
        statements: [
          new PolicyStatement({
            actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
            resources: [logGroup.logGroupArn],
          }),
          // Destinations are written to as the function. [Lambda: Adding a destination]
          new PolicyStatement({ actions: ['events:PutEvents'], resources: [bus] }),
        ],
      }),
    },
  });
  const runner = new DockerImageFunction(scope, 'Function', {
    description: `Runners of pool ${pool.name}`,
    code: codeOf(scope, machine),
    architecture: machine.architecture === 'arm64' ? Architecture.ARM_64 : Architecture.X86_64,
    memorySize: machine.memoryMb,
    ephemeralStorageSize: Size.mebibytes(machine.ephemeralStorageMb),
    timeout: Duration.seconds(timeoutSeconds),
    role,
    logGroup,
    environment: { RUNNER_JOB_SECONDS: String(Math.ceil(pool.jobMsMax / 1_000)) },
    ...(options.freshEnvironments && { tenancyConfig: TenancyConfig.PER_TENANT }),
    ...(options.reservedPerRunner > 0 && {
      reservedConcurrentExecutions: options.reservedPerRunner * pool.limit,
    }),
  });
  const settings = new CfnEventInvokeConfig(scope, 'Once', {
    functionName: runner.functionName,
    qualifier: '$LATEST',
    maximumRetryAttempts: 0,
    maximumEventAgeInSeconds: eventAgeSecondsMax,
    destinationConfig: { onSuccess: { destination: bus }, onFailure: { destination: bus } },
  });
  // Lambda looks whether the role may, before it takes a destination.
  settings.node.addDependency(role);
  return runner;
}

function codeOf(scope: Construct, machine: LambdaMachine): DockerImageCode {
  const { image, architecture, runnerVersion } = machine;
  if (image === undefined)
    return DockerImageCode.fromImageAsset(imageFolder, {
      platform: architecture === 'arm64' ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64,
      ...(runnerVersion !== undefined && { buildArgs: { RUNNER_VERSION: runnerVersion } }),
    });
  const [registry = '', ...path] = image.split('/');
  const [, name = '', tagOrDigest = ''] = /^([^:@]+)[:@](.+)$/.exec(path.join('/')) ?? [];
  const [account, , , region] = registry.split('.');
  const repository = Repository.fromRepositoryAttributes(scope, 'Repository', {
    repositoryName: name,
    repositoryArn: `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${name}`,
  });
  return DockerImageCode.fromEcr(repository, { tagOrDigest });
}

function tooManyPools({ name }: HostSettings, count: number): string {
  return (
    `host ${name} has ${count} pools; a function can be told of ${poolsMax} at most. Remedy: spread them over two ` +
    'hosts of type lambda.'
  );
}
