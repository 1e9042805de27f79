// What a host on MicroVMs is made of: an image for each pool, which Lambda builds from the folder that is uploaded with the
// deploy, and what the Orchestrator and the Reconciler may do. Machines have no role, and nobody can call them.
//
// A launch is allowed from these images alone. What may be done with machines is a question of their image or of the
// machine, as the machine's state has it, and machines carry no tags: so it is allowed of all in the account. [observed by
// others; the service's authorisation is not documented]

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnMicrovmImage } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Aws, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostSettings, PoolSettings } from '../../../core/configuration.ts';
import { sparesMax } from '../../../core/spares.ts';
import type { CreateHostInfrastructure, Wildcard } from '../infrastructure.ts';
import { buildContextOf } from './image/context.ts';
import { hooksPort } from './image/places.ts';
import { lifeSecondsMax } from './life.ts';
import { imagePrefixOf, imageSuffixOf, madeVariable } from './made.ts';
import { type MicrovmMachine, microvmHostOptions, microvmMachine } from './options.ts';

/** A function's environment has 4 KB, and each pool takes some 60 bytes of it. [Lambda: quotas] */
const poolsMax = 40;
/** A spare that is of use for less than this is made and thrown away without end. */
const spareSecondsMin = 3_600;
/** [the service's model: hooks] From the start of the programs to their first answer; and to a machine's first. */
const readySecondsMax = 300;
const hookSecondsMax = 30;

export const createInfrastructure: CreateHostInfrastructure = (scope, props) => {
  const { stackName, settings, pools, logRetentionDays = RetentionDays.ONE_MONTH } = props;
  if (pools.length > poolsMax) throw new Error(tooManyPools(settings, pools.length));
  for (const pool of pools) if (isSpareOfNoUse(pool)) throw new Error(spareOfNoUse(settings, pool));
  const { baseImageVersion, egressConnector } = microvmHostOptions.parse(settings.options);
  const prefix = imagePrefixOf(stackName, settings.name);
  const [ingress, internet] = [managedConnector('NO_INGRESS'), managedConnector('INTERNET_EGRESS')];
  const egress = egressConnector ?? internet;
  const logs = new LogGroup(scope, 'Builds', {
    retention: logRetentionDays,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const contexts = pools.map((pool) => {
    const machine = microvmMachine.parse(pool.machine);
    const place = new Construct(scope, pool.name);
    return { pool, machine, place, context: contextOf(place, machine) };
  });
  const role = createBuildRole(scope, { logs, contexts: contexts.map(({ context }) => context) });
  const images = contexts.map(({ pool, machine, place, context }) => {
    const image = new CfnMicrovmImage(place, 'Image', {
      ...imageTerms(machine),
      // The one property that would make another image of it when it changes: so it stays.
      name: `${prefix}${imageSuffixOf(pool.name)}`,
      description: `Runners of pool ${pool.name}, host ${settings.name}`,
      codeArtifact: { uri: context.s3ObjectUrl },
      baseImageArn: `arn:${Aws.PARTITION}:lambda:${Aws.REGION}:aws:microvm-image:al2023-1`,
      baseImageVersion,
      buildRoleArn: role.roleArn,
      egressNetworkConnectors: [egress],
      logging: { cloudWatch: { logGroup: logs.logGroupName } },
    });
    image.node.addDependency(role);
    return { pool, image };
  });
  const told = {
    imagePrefix: arnOf('microvm-image', prefix),
    pools: Object.fromEntries(images.map(({ pool, image }) => [pool.name, toldOf(pool, image)])),
    ingress,
    egress,
  };
  return {
    permissions: [onOwnMachines(prefix), look()],
    launchPermissions: [
      new PolicyStatement({
        sid: 'LaunchFromImages',
        actions: ['lambda:RunMicrovm'],
        resources: images.map(({ pool }) => arnOf('microvm-image', `${prefix}${imageSuffixOf(pool.name)}`)),
      }),
      new PolicyStatement({
        sid: 'ConnectMachines',
        actions: ['lambda:PassNetworkConnector'],
        resources: [ingress, egress],
      }),
    ],
    wildcards: wildcardsOf(prefix),
    environment: { [madeVariable(settings.name)]: Stack.of(scope).toJsonString(told) },
    // There are none of a machine's end: only what was called, by CloudTrail, where somebody pays for such a trail.
    events: [],
  };
};

/** Of a machine's settings. */
function imageTerms({ memoryMb }: MicrovmMachine) {
  return {
    // Root with all that a virtual machine lets it do: without it there is no Docker.
    additionalOsCapabilities: ['ALL'],
    cpuConfigurations: [{ architecture: 'ARM_64' }],
    resources: [{ minimumMemoryInMiB: memoryMb }],
    environmentVariables: [],
    hooks: {
      port: hooksPort,
      microvmImageHooks: {
        ready: 'ENABLED',
        readyTimeoutInSeconds: readySecondsMax,
        validate: 'DISABLED',
      },
      microvmHooks: {
        run: 'ENABLED',
        runTimeoutInSeconds: hookSecondsMax,
        resume: 'ENABLED',
        resumeTimeoutInSeconds: hookSecondsMax,
        suspend: 'DISABLED',
        terminate: 'DISABLED',
      },
    },
  };
}

/** What Lambda builds images as: it reads what it builds from, and writes what happens meanwhile. */
function createBuildRole(
  scope: Construct,
  { logs, contexts }: { logs: LogGroup; contexts: readonly Asset[] },
): Role {
  const statements = [
    new PolicyStatement({
      sid: 'WriteLog',
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logs.logGroupArn],
    }),
    ...(contexts.length === 0
      ? []
      : [
          new PolicyStatement({
            sid: 'ReadContexts',
            actions: ['s3:GetObject'],
            resources: contexts.map(({ bucket, s3ObjectKey }) => bucket.arnForObjects(s3ObjectKey)),
          }),
        ]),
  ];
  const principal = new ServicePrincipal('lambda.amazonaws.com', {
    conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
  });
  return new Role(scope, 'Build', {
    description: 'Builds the images of MicroVMs',
    assumedBy: principal.withSessionTags(),
    inlinePolicies: { build: new PolicyDocument({ statements }) },
  });
}

/** What Lambda builds from. It is copied into the assembly at once. */
function contextOf(scope: Construct, machine: MicrovmMachine): Asset {
  const folder = mkdtempSync(join(tmpdir(), 'microvm-image-'));
  try {
    for (const [file, text] of Object.entries(buildContextOf(machine)))
      writeFileSync(join(folder, file), text);
    return new Asset(scope, 'Context', { path: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function toldOf(pool: PoolSettings, image: CfnMicrovmImage): string {
  const hasSpares = sparesMax(pool) > 0 ? '1' : '0';
  return Fn.join('/', [image.attrLatestActiveImageVersion, String(lifeSecondsOf(pool)), hasSpares]);
}

function lifeSecondsOf({ bootMs, idleMs, jobMsMax }: PoolSettings): number {
  return Math.ceil((bootMs + idleMs + jobMsMax) / 1000);
}

function isSpareOfNoUse(pool: PoolSettings): boolean {
  return sparesMax(pool) > 0 && lifeSecondsOf(pool) + spareSecondsMin > lifeSecondsMax;
}

function onOwnMachines(prefix: string): PolicyStatement {
  return new PolicyStatement({
    sid: 'OwnMachines',
    actions: [
      'lambda:GetMicrovm',
      'lambda:SuspendMicrovm',
      'lambda:ResumeMicrovm',
      'lambda:TerminateMicrovm',
    ],
    resources: [arnOf('microvm-image', `${prefix}*`), arnOf('microvm', '*')],
  });
}

/** Lambda knows no right to list some machines alone. */
function look(): PolicyStatement {
  return new PolicyStatement({ sid: 'LookAtMachines', actions: ['lambda:ListMicrovms'], resources: ['*'] });
}

function wildcardsOf(prefix: string): Wildcard[] {
  const ofThisAccount = 'arn:<AWS::Partition>:lambda:<AWS::Region>:<AWS::AccountId>';
  return [
    { resource: '*', reason: 'Lambda knows no right to list some MicroVMs alone.' },
    {
      resource: `${ofThisAccount}:microvm-image:${prefix}*`,
      reason: "Images of the host's pools, those too that are no longer configured and still have machines.",
    },
    {
      resource: `${ofThisAccount}:microvm:*`,
      reason: 'A MicroVM has no name before it is launched, and no tags.',
    },
  ];
}

function managedConnector(name: string): string {
  return `arn:${Aws.PARTITION}:lambda:${Aws.REGION}:aws:network-connector:aws-network-connector:${name}`;
}

function arnOf(kind: string, id: string): string {
  return `arn:${Aws.PARTITION}:lambda:${Aws.REGION}:${Aws.ACCOUNT_ID}:${kind}:${id}`;
}

function tooManyPools({ name }: HostSettings, count: number): string {
  return (
    `host ${name} has ${count} pools on MicroVMs; what a function is told of them has room for ${poolsMax}. ` +
    'Remedy: put some of the pools on another host of type microvm.'
  );
}

function spareOfNoUse({ name }: HostSettings, pool: PoolSettings): string {
  return (
    `pool ${pool.name} of host ${name} has spares, and its runners may live for ${lifeSecondsOf(pool)} s. Lambda ends a ` +
    `MicroVM after ${lifeSecondsMax} s, also one that waits, so a spare would be too old for a job within an hour. ` +
    'Remedy: lower its jobMinutesMax, or set spares to 0.'
  );
}
