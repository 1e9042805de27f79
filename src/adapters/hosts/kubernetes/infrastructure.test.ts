import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Template } from 'aws-cdk-lib/assertions';
import { SubnetType, Vpc } from 'aws-cdk-lib/aws-ec2';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { App, Stack, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';
import type { HostSettings } from '../../../core/configuration.ts';
import type { HostName } from '../../../core/ids.ts';
import { createInfrastructure } from './infrastructure.ts';
import { groupOf, madeVariable } from './made.ts';

const host = 'pods' as HostName;
const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:ecr-pullthroughcache/ghcr-AbCdEf';
const administrator = 'arn:aws:iam::123456789012:role/admins';

function synthesized(options: Readonly<Record<string, unknown>>) {
  const app = new App();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  const stack = new Stack(app, 'hosts', { env: { account: '123456789012', region: 'eu-west-1' } });
  let asked = 0;
  const vpc = () => {
    asked += 1;
    const network = new Stack(app, 'network', { env: { account: '123456789012', region: 'eu-west-1' } });
    const made = new Vpc(network, 'Vpc', {
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      natGateways: 0,
      restrictDefaultSecurityGroup: false,
      subnetConfiguration: [{ name: 'Machines', subnetType: SubnetType.PUBLIC }],
    });
    Validations.of(made).acknowledge({ id: 'AwsSolutions-VPC7', reason: 'It stands in for the network.' });
    return made;
  };
  const settings: HostSettings = {
    ...{ name: host, type: 'kubernetes', limit: 10, launchBurst: 10, launchesPerSecond: 10, options },
  };
  const setUp = (within: Construct) => ({
    role: new Role(within, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') }),
    serviceToken: 'arn:aws:lambda:eu-west-1:123456789012:function:set-up',
    secondsMax: 600,
  });
  const made = createInfrastructure(stack, {
    setUp,
    stackName: 'github-runners',
    settings,
    pools: [],
    vpc: () => vpc() as never,
  });
  const template = Template.fromStack(stack);
  const statements = made.permissions.map(
    (statement) => stack.resolve(statement.toStatementJson()) as { Action: string; Resource: unknown },
  );
  return {
    made,
    template,
    statements,
    asked: () => asked,
    resolve: (value: unknown) => stack.resolve(value),
  };
}

describe('what a host on EKS is made of', () => {
  test('in a cluster of yours: a role without rights that the cluster knows, and no network', () => {
    const { template, statements, asked, made, resolve } = synthesized({
      auth: { kind: 'eks', cluster: 'production' },
    });
    template.resourceCountIs('AWS::EKS::Cluster', 0);
    template.hasResourceProperties('AWS::EKS::AccessEntry', {
      ClusterName: 'production',
      KubernetesGroups: [groupOf('github-runners', host)],
    });
    assert.equal(asked(), 0);
    assert.deepEqual(
      statements.map(({ Action }) => Action),
      ['sts:AssumeRole', 'eks:DescribeCluster'],
    );
    assert.ok(!JSON.stringify(statements).includes('*'), 'a permission with a wildcard');
    assert.match(JSON.stringify(resolve(made.environment[madeVariable(host)])), /production/);
  });

  test('with none: a cluster in Auto Mode that asks IAM alone, in the network of the deployment', () => {
    const { template, asked } = synthesized({
      auth: { kind: 'eks' },
      administrators: [administrator],
      imageCache: { secretArn },
    });
    template.hasResourceProperties('AWS::EKS::Cluster', {
      AccessConfig: { AuthenticationMode: 'API', BootstrapClusterCreatorAdminPermissions: false },
      ComputeConfig: { Enabled: true },
    });
    template.hasResourceProperties('AWS::EKS::AccessEntry', { PrincipalArn: administrator });
    template.hasResourceProperties('AWS::ECR::PullThroughCacheRule', {
      UpstreamRegistryUrl: 'ghcr.io',
      CredentialArn: secretArn,
    });
    assert.equal(asked(), 1);
  });

  test('has its namespace made by a function that may give the right to it to itself alone, for a while', () => {
    const { template } = synthesized({ auth: { kind: 'eks', cluster: 'production' }, namespace: 'ci' });
    const entries = Object.entries(template.findResources('AWS::EKS::AccessEntry'));
    const own = entries.find(([, { Properties }]) => !Properties.KubernetesGroups);
    assert.ok(own);
    const [id, { Properties: entry }] = own;
    assert.equal(entry.AccessPolicies, undefined, 'nobody stands as administrator');
    const [policy] = Object.values(template.findResources('AWS::IAM::Policy'));
    const statements = policy?.['Properties'].PolicyDocument.Statement as {
      Action: string;
      Resource: unknown;
      Condition?: Record<string, Record<string, unknown>>;
    }[];
    assert.deepEqual(
      statements.map(({ Action }) => Action),
      ['eks:DescribeCluster', 'eks:AssociateAccessPolicy', 'eks:DisassociateAccessPolicy'],
    );
    for (const { Resource } of statements.slice(1))
      assert.deepEqual(Resource, { 'Fn::GetAtt': [id, 'AccessEntryArn'] });
    assert.match(
      JSON.stringify(statements[1]?.Condition),
      /AmazonEKSClusterAdminPolicy.*"eks:accessScope":"cluster"/,
    );
    const [resource] = Object.values(template.findResources('Custom::KubernetesNamespace'));
    assert.ok(resource);
    const { objects } = resource['Properties'] as { objects: string };
    const { items } = JSON.parse(objects) as { items: { kind: string }[] };
    assert.deepEqual(
      items.map(({ kind }) => kind),
      ['Namespace', 'Role', 'RoleBinding', 'ResourceQuota', 'NetworkPolicy'],
    );
    assert.match(objects, /"namespace":"ci"/);
    assert.ok(resource['DependsOn'].includes(id), 'it is known to the cluster before, and until afterwards');
  });

  test('or by hand, and then has no function', () => {
    const { template } = synthesized({ auth: { kind: 'eks', cluster: 'production' }, setUp: 'byHand' });
    template.resourceCountIs('Custom::KubernetesNamespace', 0);
    template.resourceCountIs('AWS::IAM::Policy', 0);
    template.resourceCountIs('AWS::EKS::AccessEntry', 1);
  });

  test('is refused where functions could not reach the cluster', () => {
    assert.throws(
      () => synthesized({ auth: { kind: 'kubeconfig' } }),
      /'kubeconfig', which no function.*Remedy/,
    );
  });
});
