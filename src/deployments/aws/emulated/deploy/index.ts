// Deploys a synthesized cloud assembly into an emulator, as the CDK's own command does into an account: assets to their
// bucket, then stack by stack, in the order in which they need one another.

import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { CreateBucketCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import {
  type AssetManifestArtifact,
  CloudAssembly,
  type CloudFormationStackArtifact,
} from 'aws-cdk-lib/cx-api';
import type { Clock } from '../../../../ports/clock.ts';
import { adapted, type Template } from './adapt.ts';

export interface DeployDeps {
  cloudFormation: CloudFormationClient;
  s3: S3Client;
  ssm: SSMClient;
  clock: Clock;
  /** Of the emulator's only account. */
  account: string;
  region: string;
}

export interface DeployedStack {
  name: string;
  outputs: Readonly<Record<string, string>>;
  /** What each resource is called there, by its logical id. */
  resources: Readonly<Record<string, string>>;
  /** As the assembly has it, before it was adapted. */
  template: Template;
}

/** What `cdk bootstrap` leaves in an account, and every template asks for: the version of what it made there. */
const bootstrapVersion = { Name: '/cdk-bootstrap/hnb659fds/version', Value: '30' };

/** A request takes a template of 51,200 bytes; larger ones are read from a bucket. */
const templatesBucket = 'templates';

const askAgainMs = 100;
/** The emulator makes a stack of fifty resources within a second. */
const stackMsMax = 60_000;

export async function deployAssembly(deps: DeployDeps, directory: string): Promise<DeployedStack[]> {
  const assembly = new CloudAssembly(directory);
  await deps.ssm.send(new PutParameterCommand({ ...bootstrapVersion, Type: 'String', Overwrite: true }));
  await deps.s3.send(new CreateBucketCommand({ Bucket: templatesBucket }));
  const deployed: DeployedStack[] = [];
  const uploaded = new Set<string>();
  for (const stack of assembly.stacksRecursively) {
    await uploadAssets(deps, directory, stack, uploaded);
    deployed.push(await deployStack(deps, stack));
  }
  return deployed;
}

// ---- Assets

async function uploadAssets(
  { s3, account, region }: DeployDeps,
  directory: string,
  stack: CloudFormationStackArtifact,
  uploaded: Set<string>,
): Promise<void> {
  for (const dependency of stack.dependencies) {
    if (!isAssetManifest(dependency)) continue;
    for (const { source, destinations } of Object.values(dependency.contents.files ?? {})) {
      if (source.path === undefined)
        throw new Error('an asset is made by a command, which is not known here');
      // A template is given to CloudFormation as it is.
      if (source.path.endsWith('.template.json')) continue;
      const bytes = await assetBytes(join(directory, source.path), source.packaging === 'zip');
      for (const { bucketName, objectKey } of Object.values(destinations)) {
        const Bucket = bucketName.replace(/\$\{AWS::(AccountId|Region)\}/g, (_, name) =>
          name === 'Region' ? region : account,
        );
        if (uploaded.has(`${Bucket}/${objectKey}`)) continue;
        if (![...uploaded].some((one) => one.startsWith(`${Bucket}/`))) {
          await s3.send(new CreateBucketCommand({ Bucket }));
        }
        await s3.send(new PutObjectCommand({ Bucket, Key: objectKey, Body: bytes }));
        uploaded.add(`${Bucket}/${objectKey}`);
      }
    }
  }
}

function isAssetManifest(artifact: object): artifact is AssetManifestArtifact {
  return 'contents' in artifact && 'file' in artifact;
}

/** Python makes the archive: the emulator is written in it, so it is there. */
async function assetBytes(path: string, isFolder: boolean): Promise<Buffer> {
  if (!isFolder) return readFile(path);
  const folder = await mkdtemp(join(tmpdir(), 'runners-asset-'));
  try {
    const archive = join(folder, 'asset.zip');
    const args = ['-m', 'zipfile', '-c', archive, ...(await readdir(path)).sort()];
    await promisify(execFile)('python3', args, { cwd: path });
    return await readFile(archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

// ---- Stacks

async function deployStack(
  { cloudFormation, s3, clock }: DeployDeps,
  stack: CloudFormationStackArtifact,
): Promise<DeployedStack> {
  const template = stack.template as Template;
  const StackName = stack.stackName;
  const Key = `${StackName}.template.json`;
  await s3.send(
    new PutObjectCommand({
      ...{ Bucket: templatesBucket, Key },
      Body: JSON.stringify(adapted(template)),
    }),
  );
  await cloudFormation.send(
    new CreateStackCommand({
      StackName,
      TemplateURL: `https://s3.amazonaws.com/${templatesBucket}/${Key}`,
      Capabilities: ['CAPABILITY_NAMED_IAM'],
      Tags: Object.entries(stack.tags).map(([Key, Value]) => ({ Key, Value })),
    }),
  );
  for (const until = clock.now() + stackMsMax; clock.now() < until; await clock.sleep(askAgainMs)) {
    const { Stacks = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const found = Stacks[0];
    if (found?.StackStatus?.endsWith('_IN_PROGRESS') ?? true) continue;
    if (found?.StackStatus === 'CREATE_COMPLETE') {
      const resources = await resourcesOf(cloudFormation, StackName);
      return { name: StackName, outputs: outputsOf(found), resources, template };
    }
    throw new Error(
      `stack ${StackName} is ${found?.StackStatus}: ${await whyNot(cloudFormation, StackName)}`,
    );
  }
  throw new Error(`stack ${StackName} was not there within ${stackMsMax} ms`);
}

function outputsOf({ Outputs = [] }: Stack): Record<string, string> {
  return Object.fromEntries(Outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]));
}

async function resourcesOf(client: CloudFormationClient, StackName: string): Promise<Record<string, string>> {
  const { StackResources = [] } = await client.send(new DescribeStackResourcesCommand({ StackName }));
  return Object.fromEntries(
    StackResources.map(({ LogicalResourceId = '', PhysicalResourceId = '' }) => [
      LogicalResourceId,
      PhysicalResourceId,
    ]),
  );
}

async function whyNot(client: CloudFormationClient, StackName: string): Promise<string> {
  const { StackEvents = [] } = await client.send(new DescribeStackEventsCommand({ StackName }));
  const failed = StackEvents.filter(({ ResourceStatus = '' }) => ResourceStatus.endsWith('FAILED'));
  return failed
    .map((event) => `${event.LogicalResourceId} (${event.ResourceType}): ${event.ResourceStatusReason}`)
    .join('; ');
}
