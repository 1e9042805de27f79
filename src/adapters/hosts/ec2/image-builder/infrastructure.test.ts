import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { demandConfiguration } from '../../../../config/check.ts';
import { defineConfig } from '../../../../config/define-config.ts';
import {
  grantsOf,
  type Json,
  listOf,
  objectOf,
  type Resource,
  refersTo,
  synthesize,
  type Templates,
} from '../../../../deployments/aws/infrastructure/testing.ts';

const linux = { host: 'ec2', os: 'linux', limit: 2 } as const;

function configurationOf(options: object, diskGb = 40) {
  const machine = { instanceTypes: ['m7i.large'], diskGb };
  return demandConfiguration(
    defineConfig({
      hosts: { ec2: { type: 'ec2', limit: 9, options } },
      pools: {
        x64: { ...linux, labels: ['x64'], machine },
        again: { ...linux, labels: ['again'], machine },
        arm64: {
          ...linux,
          labels: ['arm64'],
          machine: { instanceTypes: ['m7g.large'], architecture: 'arm64' },
        },
        own: {
          ...{ ...linux, labels: ['own'] },
          machine: {
            ...{ ...machine, image: 'ami-0123456789abcdef0' },
            instanceProfile: { name: 'theirs', roleArn: 'arn:aws:iam::123456789012:role/theirs' },
          },
        },
        windows: {
          ...{ host: 'ec2', os: 'windows', limit: 1, labels: ['windows'] },
          machine: { instanceTypes: ['m7i.xlarge'], diskGb: 80 },
        },
      },
    }),
    'the configuration of this test',
  ).configuration;
}

describe('a host whose images are built, and whose machines ship their logs', () => {
  let made: Templates;
  const ofType = (type: string) => made.resources(type);
  const text = (value: Json | undefined) => JSON.stringify(value ?? null);

  before(() => {
    // By the rules of cdk-nag and CloudFormation too.
    made = synthesize(configurationOf({ images: { keep: 2 }, shipLogs: true }), {}, 'checked');
  });

  test('has one pipeline for each kind of machine that some pool has no image for', () => {
    const names = ofType('AWS::ImageBuilder::ImagePipeline').map(({ properties }) => properties['Name']);
    assert.deepEqual(
      names.sort(),
      ['linux-arm64', 'linux-x64', 'windows-x64'].map((one) => `github-runners-ec2-${one}`),
    );
  });

  test('publishes each image where the launch templates of its pools, and they alone, look for it', () => {
    const published = ofType('AWS::ImageBuilder::DistributionConfiguration').flatMap(({ properties }) =>
      listOf(properties['Distributions']).flatMap((one) =>
        listOf(objectOf(one)['SsmParameterConfigurations']).map((each) => objectOf(each)['ParameterName']),
      ),
    );
    const looked = ofType('AWS::EC2::LaunchTemplate').map(
      ({ properties }) => objectOf(properties['LaunchTemplateData'])['ImageId'],
    );
    assert.deepEqual(
      [...new Set(looked)].sort(),
      ['ami-0123456789abcdef0', ...published.map((name) => `resolve:ssm:${name}`)].sort(),
    );
    assert.ok(published.includes('/imagebuilder/github-runners/ec2/linux-x64'));
  });

  test('takes away all but so many of each, and nothing of others', () => {
    const rules = ofType('AWS::ImageBuilder::LifecyclePolicy');
    assert.equal(rules.length, 3);
    const tags = new Set(
      rules.map(({ properties }) => {
        const [detail] = listOf(properties['PolicyDetails']).map(objectOf);
        assert.deepEqual(detail?.['Filter'], { Type: 'COUNT', Value: 2 });
        assert.deepEqual(objectOf(detail?.['Action'])['Type'], 'DELETE');
        return text(objectOf(properties['ResourceSelection'])['TagMap']);
      }),
    );
    assert.equal(tags.size, 3);
    for (const { properties } of ofType('AWS::ImageBuilder::ImagePipeline'))
      assert.ok(tags.has(text(properties['ImageTags'])));
  });

  test('builds on machines that nobody can call, with metadata of version 2, and a disk that is encrypted', () => {
    const group = ofType('AWS::EC2::SecurityGroup')[0] as Resource;
    assert.equal(group.properties['SecurityGroupIngress'], undefined);
    for (const { properties } of ofType('AWS::ImageBuilder::InfrastructureConfiguration')) {
      assert.ok(refersTo(properties['SecurityGroupIds'] ?? null, group));
      assert.equal(objectOf(properties['InstanceMetadataOptions'])['HttpTokens'], 'required');
    }
    for (const { properties } of ofType('AWS::ImageBuilder::ImageRecipe')) {
      const [disk] = listOf(properties['BlockDeviceMappings']).map(objectOf);
      assert.equal(objectOf(disk?.['Ebs'])['Encrypted'], true);
      assert.match(String(properties['ParentImage']), /^ssm:\/aws\/service\//);
    }
  });

  test('has a function that may start its pipelines and publish its parameters, and touches nothing else', () => {
    const keeper = ofType('AWS::Lambda::Function').find(({ properties }) =>
      String(properties['Description']).startsWith('Keeps images of machines new'),
    );
    assert.ok(keeper);
    const role = ofType('AWS::IAM::Role').find(
      (one) => one.stack === keeper.stack && refersTo(keeper.properties['Role'] ?? null, one),
    ) as Resource;
    const actions = grantsOf(role).flatMap((statement) => statement.actions);
    assert.deepEqual(
      [...new Set(actions)].sort(),
      [
        ...['ec2:DescribeImages', 'imagebuilder:ListImagePipelineImages'],
        ...['imagebuilder:StartImagePipelineExecution', 'imagebuilder:TagResource'],
        ...['logs:CreateLogStream', 'logs:PutLogEvents', 'ssm:GetParameter', 'ssm:PutParameter'],
      ].sort(),
    );
    const put = grantsOf(role).find((statement) => statement.actions.includes('ssm:PutParameter'));
    assert.match(text(put?.resources), /imagebuilder\/github-runners\/ec2\/linux-x64/);
    const rules = ofType('AWS::Events::Rule').filter(({ properties }) =>
      refersTo(properties['Targets'] ?? null, keeper),
    );
    const shapes = rules.map(
      ({ properties }) => properties['ScheduleExpression'] ?? text(properties['EventPattern']),
    );
    assert.deepEqual(shapes.map(String).sort().at(0), 'rate(1 hour)');
    assert.match(String(shapes.map(String).sort().at(1)), /CloudFormation Stack Status Change.*AWS::StackId/);
  });

  test('lets machines write to their own log group and do nothing else, and leaves an owner his role', () => {
    const [group] = ofType('AWS::Logs::LogGroup').filter(
      ({ properties }) => properties['LogGroupName'] === '/github-runners/runners/ec2',
    );
    assert.ok(group);
    const templates = ofType('AWS::EC2::LaunchTemplate').map(({ properties }) =>
      objectOf(properties['LaunchTemplateData']),
    );
    for (const { IamInstanceProfile, UserData } of templates) {
      assert.match(text(UserData), /logs_group='\/github-runners|LogsGroup = '\/github-runners/i);
      assert.ok(IamInstanceProfile);
    }
    const profiles = templates.map(({ IamInstanceProfile }) => text(IamInstanceProfile));
    assert.equal(profiles.filter((profile) => profile.includes('theirs')).length, 1);
    const [role] = ofType('AWS::IAM::Role').filter(({ properties }) =>
      String(properties['Description']).endsWith('ship their logs'),
    );
    assert.ok(role);
    const grants = grantsOf(role);
    assert.deepEqual(
      grants.map(({ actions }) => actions),
      [['logs:CreateLogStream', 'logs:PutLogEvents']],
    );
    assert.ok(grants.every(({ resources }) => refersTo(resources, group)));
  });
});

test('a host that says nothing of images or logs has neither', () => {
  const made = synthesize(configurationOf({}), {}, 'unchecked');
  assert.equal(made.resources().filter(({ type }) => type.startsWith('AWS::ImageBuilder')).length, 0);
  assert.equal(made.resources('AWS::IAM::InstanceProfile').length, 0);
  const [template] = made.resources('AWS::EC2::LaunchTemplate');
  assert.match(JSON.stringify(template?.properties), /resolve:ssm:\/aws\/service\/canonical/);
});

test('a disk that has no room for the image is refused, with what to do', () => {
  assert.throws(
    () => synthesize(configurationOf({ images: {} }, 10), {}, 'unchecked'),
    /pool x64 has a disk of 10 GB.*takes 16\. Remedy: set its machine's diskGb to 16/,
  );
});
