// What builds the images of a host: for each a pipeline of EC2 Image Builder with its recipe, where it publishes the
// image's id, and a rule that takes old ones away. Pipelines have no schedule of their own: renew.ts starts them.
//
// A component and a recipe can't be changed, only replaced: their names end in a hash of what is in them.

import { createHash } from 'node:crypto';
import {
  InstanceProfile,
  PolicyDocument,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import {
  CfnComponent,
  CfnDistributionConfiguration,
  CfnImagePipeline,
  CfnImageRecipe,
  CfnInfrastructureConfiguration,
  CfnLifecyclePolicy,
} from 'aws-cdk-lib/aws-imagebuilder';
import { Aws, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostName } from '../../../../core/ids.ts';
import type { HostInfrastructure, Wildcard } from '../../infrastructure.ts';
import { plainImage } from '../images.ts';
import { type BuiltImage, parameterOf } from './built.ts';
import { componentDocument } from './document.ts';
import { madeImagesVariable } from './made.ts';

interface ImagesProps {
  deployment: string;
  host: HostName;
  /** Of those that are kept. */
  keep: number;
  /** Those that some pool takes. */
  built: readonly BuiltImage[];
  /** Where the machine stands that an image is made of. */
  subnetId: string;
  securityGroupId: string;
}

/** Tests of a machine that has booted from the image. Image Builder takes no less. */
const testMinutesMax = 60;

/** Where Ubuntu and Windows expect their disk. */
const rootDevice = '/dev/sda1';

const hashLength = 10;

/** What says of an image which pipeline it is of, for the rule that takes old ones away. */
const imageTag = 'runners:image';

export function createImages(
  scope: Construct,
  props: ImagesProps,
): NonNullable<HostInfrastructure['images']> {
  const { deployment, host, keep, subnetId, securityGroupId } = props;
  const built = [...new Map(props.built.map((image) => [image.name, image])).values()];
  if (built.length === 0) return { permissions: [], environment: {} };
  const buildProfile = createBuildProfile(scope, host);
  const ruleRole = createRuleRole(scope);
  const pipelines = built.map((image): [string, [string, string]] => {
    const one = new Construct(scope, image.name);
    const name = `${deployment}-${host}-${image.name}`;
    const { recipe, hash } = createRecipe(one, name, image);
    const tag = { [imageTag]: name };
    const pipeline = new CfnImagePipeline(one, 'Pipeline', {
      name,
      description: `Image ${image.name} of runners on host ${host}`,
      imageRecipeArn: recipe.attrArn,
      infrastructureConfigurationArn: new CfnInfrastructureConfiguration(one, 'Machine', {
        name,
        instanceProfileName: buildProfile,
        instanceTypes: [...image.instanceTypes],
        subnetId,
        securityGroupIds: [securityGroupId],
        instanceMetadataOptions: { httpTokens: 'required', httpPutResponseHopLimit: 1 },
        terminateInstanceOnFailure: true,
      }).attrArn,
      distributionConfigurationArn: new CfnDistributionConfiguration(one, 'Published', {
        name,
        distributions: [
          {
            region: Aws.REGION,
            amiDistributionConfiguration: {
              // In the terms of CloudFormation, which passes it on as it stands.
              Name: `${name}-{{ imagebuilder:buildDate }}`,
              AmiTags: tag,
            },
            ssmParameterConfigurations: [
              { parameterName: parameterOf(deployment, host, image.name), dataType: 'aws:ec2:image' },
            ],
          },
        ],
      }).attrArn,
      imageTestsConfiguration: { imageTestsEnabled: true, timeoutMinutes: testMinutesMax },
      // An inventory of packages, for which the machine would have to be let into more of Systems Manager.
      enhancedImageMetadataEnabled: false,
      imageTags: tag,
    });
    createRule(one, { name, tag, keep, roleArn: ruleRole.roleArn });
    return [image.name, [pipeline.attrArn, hash]];
  });
  const told = { stack: deployment, pipelines: Object.fromEntries(pipelines) };
  return {
    permissions: renewPermissions(
      pipelines.map(([, [pipelineArn]]) => pipelineArn),
      built.map((image) => parameterOf(deployment, host, image.name)),
      built.flatMap(({ os, architecture }) => plainImage(os, architecture) ?? []),
    ),
    wildcards,
    environment: { [madeImagesVariable(host)]: Stack.of(scope).toJsonString(told) },
  };
}

function createRecipe(
  scope: Construct,
  name: string,
  image: BuiltImage,
): { recipe: CfnImageRecipe; hash: string } {
  const { os, architecture, diskGb } = image;
  const data = componentDocument(image);
  const component = new CfnComponent(scope, 'Component', {
    name: `${name}-${hashOf(data)}`,
    version: '1.0.0',
    platform: os === 'linux' ? 'Linux' : 'Windows',
    data,
  });
  const parentImage = `ssm:${plainImage(os, architecture)}`;
  const blockDeviceMappings = [
    {
      deviceName: rootDevice,
      ebs: { volumeSize: diskGb, volumeType: 'gp3', encrypted: true, deleteOnTermination: true },
    },
  ];
  const hash = hashOf(JSON.stringify([data, parentImage, blockDeviceMappings]));
  const recipe = new CfnImageRecipe(scope, 'Recipe', {
    name: `${name}-${hash}`,
    version: '1.0.0',
    parentImage,
    blockDeviceMappings,
    components: [{ componentArn: component.attrArn }],
  });
  return { recipe, hash };
}

/** By Image Builder, not by us: each image with its snapshots, beyond the newest so many. */
function createRule(
  scope: Construct,
  { name, tag, keep, roleArn }: { name: string; tag: Record<string, string>; keep: number; roleArn: string },
): void {
  new CfnLifecyclePolicy(scope, 'Rule', {
    name,
    description: `Keeps the newest ${keep}`,
    executionRole: roleArn,
    resourceType: 'AMI_IMAGE',
    status: 'ENABLED',
    policyDetails: [
      {
        action: { type: 'DELETE', includeResources: { amis: true, snapshots: true } },
        filter: { type: 'COUNT', value: keep },
      },
    ],
    resourceSelection: { tagMap: tag },
  });
}

/**
 * Of the machine that an image is made of: what the agent of Systems Manager asks for to be told what to do, and the
 * component. [EC2 Image Builder: EC2InstanceProfileForImageBuilder; Systems Manager: AmazonSSMManagedInstanceCore]
 */
function createBuildProfile(scope: Construct, host: HostName): string {
  const agent = '*';
  const component = `arn:${Aws.PARTITION}:imagebuilder:${Aws.REGION}:${Aws.ACCOUNT_ID}:component/*`;
  const programs = `arn:${Aws.PARTITION}:s3:::ec2imagebuilder*`;
  const logs = `arn:${Aws.PARTITION}:logs:${Aws.REGION}:${Aws.ACCOUNT_ID}:log-group:/aws/imagebuilder/*`;
  const role = new Role(scope, 'BuildRole', {
    description: `Machines that images of host ${host} are made of`,
    assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    inlinePolicies: {
      Build: new PolicyDocument({
        statements: [
          new PolicyStatement({ actions: agentActions, resources: [agent] }),
          new PolicyStatement({ actions: ['imagebuilder:GetComponent'], resources: [component] }),
          new PolicyStatement({
            actions: ['kms:Decrypt'],
            resources: ['*'],
            conditions: {
              'ForAnyValue:StringEquals': {
                'kms:EncryptionContextKeys': 'aws:imagebuilder:arn',
                'aws:CalledVia': ['imagebuilder.amazonaws.com'],
              },
            },
          }),
          new PolicyStatement({ actions: ['s3:GetObject'], resources: [programs] }),
          new PolicyStatement({
            actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
            resources: [logs],
          }),
        ],
      }),
    },
  });
  acknowledge(role, [
    { resource: '*', reason: "The agent's own channel, and keys of components, have no resources to name." },
    {
      resource: 'arn:<AWS::Partition>:imagebuilder:<AWS::Region>:<AWS::AccountId>:component/*',
      reason: 'Which component it runs is in the recipe; its name changes with what is in it.',
    },
    { resource: 'arn:<AWS::Partition>:s3:::ec2imagebuilder*', reason: "Image Builder's own programs." },
    {
      resource: 'arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:/aws/imagebuilder/*',
      reason: 'The log of a build is named after its recipe, whose name changes with what is in it.',
    },
  ]);
  return new InstanceProfile(scope, 'BuildProfile', { role }).instanceProfileName;
}

const agentActions = [
  'ssm:UpdateInstanceInformation',
  'ssm:ListAssociations',
  'ssm:ListInstanceAssociations',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
  'ec2messages:AcknowledgeMessage',
  'ec2messages:DeleteMessage',
  'ec2messages:FailMessage',
  'ec2messages:GetEndpoint',
  'ec2messages:GetMessages',
  'ec2messages:SendReply',
];

/** What Image Builder made, and of that only what it takes away. [EC2 Image Builder: EC2ImageBuilderLifecycleExecutionPolicy] */
function createRuleRole(scope: Construct): Role {
  const anyImage = `arn:${Aws.PARTITION}:ec2:${Aws.REGION}::image/*`;
  const anySnapshot = `arn:${Aws.PARTITION}:ec2:${Aws.REGION}::snapshot/*`;
  const ownImages = `arn:${Aws.PARTITION}:imagebuilder:${Aws.REGION}:${Aws.ACCOUNT_ID}:image/*`;
  const made = { StringEquals: { 'aws:ResourceTag/CreatedBy': 'EC2 Image Builder' } };
  const role = new Role(scope, 'RuleRole', {
    description: 'Takes old images away',
    assumedBy: new ServicePrincipal('imagebuilder.amazonaws.com', {
      conditions: { StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID } },
    }),
    inlinePolicies: {
      Delete: new PolicyDocument({
        statements: [
          new PolicyStatement({
            actions: ['ec2:DeregisterImage', 'ec2:DescribeImageAttribute'],
            resources: [anyImage],
            conditions: made,
          }),
          new PolicyStatement({
            actions: ['ec2:DeleteSnapshot'],
            resources: [anySnapshot],
            conditions: made,
          }),
          new PolicyStatement({
            actions: ['imagebuilder:DeleteImage', 'imagebuilder:GetImage'],
            resources: [ownImages],
          }),
          new PolicyStatement({
            actions: [
              'ec2:DescribeImages',
              'ec2:DescribeSnapshots',
              'tag:GetResources',
              'imagebuilder:ListImages',
            ],
            resources: ['*'],
          }),
        ],
      }),
    },
  });
  acknowledge(role, [
    {
      resource: '*',
      reason: 'Looks at images and their tags, for which there are no rights to single ones.',
    },
    ...['image', 'snapshot'].map((kind) => ({
      resource: `arn:<AWS::Partition>:ec2:<AWS::Region>::${kind}/*`,
      reason: 'Images have no name before they are made: by the tag that Image Builder gives.',
    })),
    {
      resource: 'arn:<AWS::Partition>:imagebuilder:<AWS::Region>:<AWS::AccountId>:image/*',
      reason: "Image Builder's own entries of images: the rule chooses them by their tag.",
    },
  ]);
  return role;
}

/** Of the function that keeps images new. */
function renewPermissions(
  pipelineArns: readonly string[],
  published: readonly string[],
  plain: readonly string[],
): PolicyStatement[] {
  const own = (name: string) => `arn:${Aws.PARTITION}:ssm:${Aws.REGION}:${Aws.ACCOUNT_ID}:parameter${name}`;
  const provided = (name: string) => `arn:${Aws.PARTITION}:ssm:${Aws.REGION}::parameter${name}`;
  return [
    new PolicyStatement({
      actions: ['imagebuilder:ListImagePipelineImages', 'imagebuilder:StartImagePipelineExecution'],
      resources: [...pipelineArns],
    }),
    new PolicyStatement({
      actions: ['imagebuilder:TagResource'],
      resources: [anyBuiltImage],
    }),
    new PolicyStatement({
      actions: ['ssm:GetParameter'],
      resources: [...published.map(own), ...plain.map(provided)],
    }),
    new PolicyStatement({ actions: ['ssm:PutParameter'], resources: published.map(own) }),
    // A parameter of an image is checked in the name of whoever writes it. [Systems Manager: aws:ec2:image]
    new PolicyStatement({ actions: ['ec2:DescribeImages'], resources: ['*'] }),
  ];
}

const anyBuiltImage = `arn:${Aws.PARTITION}:imagebuilder:${Aws.REGION}:${Aws.ACCOUNT_ID}:image/*`;

const wildcards: readonly Wildcard[] = [
  { resource: '*', reason: 'EC2 knows no right to look at some images alone.' },
  {
    resource: 'arn:<AWS::Partition>:imagebuilder:<AWS::Region>:<AWS::AccountId>:image/*',
    reason: 'An image has no name before its build is started, with the tags that say what is in it.',
  },
];

function acknowledge(role: Role, reasons: readonly Wildcard[]): void {
  for (const { resource, reason } of reasons)
    Validations.of(role).acknowledge({ id: `AwsSolutions-IAM5[Resource::${resource}]`, reason });
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, hashLength);
}
