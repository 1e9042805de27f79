// What a host on EKS is made of: an IAM role that the cluster knows by an access entry, in a group to which the
// namespace's Role is bound; and the cluster itself (Auto Mode), unless one is named. The role has no right in AWS:
// its name is all that the cluster looks at.
//
// The objects inside the cluster (namespace, Role, its binding, a quota) CloudFormation can not make itself. It calls a
// function that takes the right to make them for as long as that takes (set-up/administrator.ts); or a person applies,
// with `kubectl`, what `make kubernetes-manifests` prints.

import { type IVpc, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { CfnPullThroughCacheRule } from 'aws-cdk-lib/aws-ecr';
import { CfnAccessEntry, CfnCluster } from 'aws-cdk-lib/aws-eks';
import {
  AccountRootPrincipal,
  ManagedPolicy,
  Policy,
  PolicyStatement,
  Role,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { Aws, CfnOutput, CustomResource, Duration, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { HostSettings, PoolSettings } from '../../../core/configuration.ts';
import type { CreateHostInfrastructure, SetUpFunction } from '../infrastructure.ts';
import { groupOf, madeVariable } from './made.ts';
import { hookAccountsOf, manifestsOf, podSecurityFor } from './manifests.ts';
import { type KubernetesHostOptions, kubernetesHostOptions, kubernetesMachine } from './options.ts';

export const createInfrastructure: CreateHostInfrastructure = (
  scope,
  { stackName, settings, pools, vpc, setUp },
) => {
  const options = kubernetesHostOptions.parse(settings.options);
  if (options.auth.kind !== 'eks') throw new Error(notOnEks(settings, options.auth.kind));
  const made = options.auth.cluster === undefined ? createCluster(scope, vpc(), options) : null;
  const clusterName = options.auth.cluster ?? made?.ref ?? '';
  const clusterArn =
    made?.attrArn ?? `arn:${Aws.PARTITION}:eks:${Aws.REGION}:${Aws.ACCOUNT_ID}:cluster/${clusterName}`;
  const group = groupOf(stackName, settings.name);
  const role = new Role(scope, 'Access', {
    description: `What the cluster knows host ${settings.name} as; it may do nothing in AWS`,
    assumedBy: new AccountRootPrincipal(),
  });
  const entry = new CfnAccessEntry(scope, 'AccessEntry', {
    clusterName,
    principalArn: role.roleArn,
    kubernetesGroups: [group],
  });
  if (made) entry.addResourceDependency(made);
  if (options.setUp === 'byDeploy') {
    if (!setUp)
      throw new Error(`host ${settings.name} is set up by the deploy, which has no function for it`);
    const within = new Construct(scope, 'SetUp');
    createSetUp(within, setUp(within), { settings, pools, options, group, clusterName, clusterArn, made });
  }
  new CfnOutput(scope, 'Cluster', { value: clusterName, description: 'aws eks update-kubeconfig --name …' });
  const images = options.imageCache ? createImageCache(scope, settings, options.imageCache.secretArn) : null;
  return {
    permissions: [
      new PolicyStatement({ sid: 'BeKnown', actions: ['sts:AssumeRole'], resources: [role.roleArn] }),
      new PolicyStatement({
        sid: 'FindCluster',
        actions: ['eks:DescribeCluster'],
        resources: [clusterArn],
      }),
    ],
    environment: {
      [madeVariable(settings.name)]: Stack.of(scope).toJsonString({
        cluster: clusterName,
        role: role.roleArn,
        ...(images !== null && { images }),
      }),
    },
    // EKS tells nobody of pods: the host's list does.
    events: [],
  };
};

interface SetUpGiven {
  settings: HostSettings;
  pools: readonly PoolSettings[];
  options: KubernetesHostOptions;
  group: string;
  clusterName: string;
  clusterArn: string;
  made: CfnCluster | null;
}

/** The namespace and what is in it, as a resource of the stack: they come with it, change with it, and go with it. */
function createSetUp(
  scope: Construct,
  { role, serviceToken, secondsMax }: SetUpFunction,
  given: SetUpGiven,
): void {
  const { settings, options, group, clusterName, clusterArn, made } = given;
  const entry = new CfnAccessEntry(scope, 'AccessEntry', { clusterName, principalArn: role.roleArn });
  if (made) entry.addResourceDependency(made);
  const policy = `arn:${Aws.PARTITION}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`;
  const permissions = new Policy(scope, 'Permissions', {
    roles: [role],
    statements: [
      new PolicyStatement({ actions: ['eks:DescribeCluster'], resources: [clusterArn] }),
      new PolicyStatement({
        actions: ['eks:AssociateAccessPolicy'],
        resources: [entry.attrAccessEntryArn],
        conditions: {
          ArnEquals: { 'eks:policyArn': policy },
          StringEquals: { 'eks:accessScope': 'cluster' },
        },
      }),
      new PolicyStatement({
        actions: ['eks:DisassociateAccessPolicy'],
        resources: [entry.attrAccessEntryArn],
      }),
    ],
  });
  const machines = given.pools.map(({ machine }) => kubernetesMachine.parse(machine));
  const objects = manifestsOf({
    name: group,
    options: { namespace: options.namespace, watch: false },
    subject: { kind: 'Group', name: group },
    limit: settings.limit,
    podSecurity: podSecurityFor(machines),
    hookAccounts: hookAccountsOf(machines),
  });
  const namespace = new CustomResource(scope, 'Namespace', {
    resourceType: 'Custom::KubernetesNamespace',
    serviceToken,
    // An answer that is lost is waited for no longer than the function can live.
    serviceTimeout: Duration.seconds(secondsMax + answerSeconds),
    properties: {
      cluster: clusterName,
      principal: role.roleArn,
      policy,
      objects: JSON.stringify(objects),
    },
  });
  namespace.node.addDependency(permissions, entry);
}

const answerSeconds = 60;

/** Nodes, their images, the network and the disks are EKS's own business in Auto Mode. [EKS: Auto Mode] */
function createCluster(scope: Construct, network: IVpc, options: KubernetesHostOptions): CfnCluster {
  const clusterRole = awsRole(scope, 'ClusterRole', 'eks.amazonaws.com', [
    'AmazonEKSClusterPolicy',
    'AmazonEKSComputePolicy',
    'AmazonEKSBlockStoragePolicy',
    'AmazonEKSLoadBalancingPolicy',
    'AmazonEKSNetworkingPolicy',
  ]);
  clusterRole.assumeRolePolicy?.addStatements(
    new PolicyStatement({
      principals: [new ServicePrincipal('eks.amazonaws.com')],
      actions: ['sts:TagSession'],
    }),
  );
  const nodeRole = awsRole(scope, 'NodeRole', 'ec2.amazonaws.com', [
    'AmazonEKSWorkerNodeMinimalPolicy',
    'AmazonEC2ContainerRegistryPullOnly',
  ]);
  const { subnetIds } = network.selectSubnets({
    subnetType: network.privateSubnets.length > 0 ? SubnetType.PRIVATE_WITH_EGRESS : SubnetType.PUBLIC,
  });
  const cluster = new CfnCluster(scope, 'Eks', {
    roleArn: clusterRole.roleArn,
    resourcesVpcConfig: { subnetIds, endpointPublicAccess: true, endpointPrivateAccess: true },
    accessConfig: { authenticationMode: 'API', bootstrapClusterCreatorAdminPermissions: false },
    computeConfig: { enabled: true, nodePools: ['general-purpose', 'system'], nodeRoleArn: nodeRole.roleArn },
    kubernetesNetworkConfig: { elasticLoadBalancing: { enabled: true } },
    storageConfig: { blockStorage: { enabled: true } },
    bootstrapSelfManagedAddons: false,
    logging: {
      clusterLogging: {
        enabledTypes: ['api', 'audit', 'authenticator', 'controllerManager', 'scheduler'].map((type) => ({
          type,
        })),
      },
    },
  });
  Validations.of(cluster).acknowledge({
    id: 'AwsSolutions-EKS1',
    reason:
      'Functions outside its network call it, with tokens of IAM; there is no other way to it for them.',
  });
  options.administrators.forEach((principalArn, at) => {
    const entry = new CfnAccessEntry(scope, `Administrator${at}`, {
      clusterName: cluster.ref,
      principalArn,
      accessPolicies: [
        {
          policyArn: `arn:${Aws.PARTITION}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy`,
          accessScope: { type: 'cluster' },
        },
      ],
    });
    entry.addResourceDependency(cluster);
  });
  if (options.imageCache)
    nodeRole.addToPolicy(
      new PolicyStatement({
        sid: 'FillImageCache',
        actions: ['ecr:BatchImportUpstreamImage', 'ecr:CreateRepository'],
        resources: [`arn:${Aws.PARTITION}:ecr:${Aws.REGION}:${Aws.ACCOUNT_ID}:repository/${cachePrefix}/*`],
      }),
    );
  if (options.imageCache)
    Validations.of(nodeRole).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecr:<AWS::Region>:<AWS::AccountId>:repository/${cachePrefix}/*]`,
      reason: 'Repositories of the cache are made at the first pull of an image, under its prefix alone.',
    });
  return cluster;
}

/** By policies that AWS keeps. */
function awsRole(scope: Construct, id: string, service: string, policies: readonly string[]): Role {
  const role = new Role(scope, id, {
    assumedBy: new ServicePrincipal(service),
    managedPolicies: policies.map((name) => ManagedPolicy.fromAwsManagedPolicyName(name)),
  });
  Validations.of(role).acknowledge(
    ...policies.map((name) => ({
      id: `AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`,
      reason: 'EKS asks for this policy of AWS, which changes as Auto Mode changes.',
    })),
  );
  return role;
}

const cachePrefix = 'ephemeral-runners';

/** Where images of ghcr.io are found behind it. */
function createImageCache(scope: Construct, { name }: HostSettings, credentialArn: string): string {
  const ecrRepositoryPrefix = `${cachePrefix}/${name}`;
  new CfnPullThroughCacheRule(scope, 'ImageCache', {
    ecrRepositoryPrefix,
    upstreamRegistry: 'github-container-registry',
    upstreamRegistryUrl: 'ghcr.io',
    credentialArn,
  });
  return `${Aws.ACCOUNT_ID}.dkr.ecr.${Aws.REGION}.${Aws.URL_SUFFIX}/${ecrRepositoryPrefix}`;
}

function notOnEks({ name }: HostSettings, kind: string): string {
  return (
    `host ${name} reaches its cluster by '${kind}', which no function on AWS can. Remedy: give it ` +
    "auth: { kind: 'eks', cluster: '<name>' }, or leave the cluster out to have one made."
  );
}
