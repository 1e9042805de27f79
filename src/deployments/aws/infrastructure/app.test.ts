import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { App, Stack } from 'aws-cdk-lib/core';
import { awsConfiguration } from '../../../../test/fixtures/aws-configuration.ts';
import { deploymentTag, outputKeys } from '../outputs.ts';
import {
  type Json,
  large,
  largeConfiguration,
  manyHosts,
  objectOf,
  plain,
  strict,
  strictSettings,
  synthesize,
  templatesOf,
  valuesIn,
} from './testing.ts';

/** CloudFormation's own: of a template, of its resources and of its outputs. */
const templateBytesMax = 1_000_000;
const resourcesMax = 500;
const outputsMax = 200;

test('stacks come in one order, and none refers to a later one', () => {
  const order = ['hosts', 'pipeline', 'launchers', 'terminators', 'observability'];
  const { stacks } = plain();
  assert.deepEqual([...stacks.keys()].sort(), [...order].sort());
  for (const [name, { after }] of stacks) {
    for (const earlier of after)
      assert.ok(order.indexOf(earlier) < order.indexOf(name), `${name} ${earlier}`);
  }
});

test('both deployments pass the AWS Solutions rules and those of CloudFormation', () => {
  assert.ok(plain().stacks.size > 0);
  assert.ok(strict().stacks.size > 0);
});

test('the rules bite: a queue without TLS and without dead letters is refused', () => {
  const app = new App({ analyticsReporting: false });
  new Queue(new Stack(app, 'bare'), 'Queue');
  assert.throws(() => templatesOf(app, 'checked'), /[Vv]alidation/);
});

test("twenty hosts with three operating systems each stay within CloudFormation's limits", () => {
  for (const [name, { text, resources, outputs }] of large().stacks) {
    assert.ok(resources.length < resourcesMax, `${name} has ${resources.length} resources`);
    assert.ok(Object.keys(outputs).length < outputsMax, `${name} has ${Object.keys(outputs).length} outputs`);
    assert.ok(Buffer.byteLength(text) < templateBytesMax, `${name} has ${Buffer.byteLength(text)} bytes`);
  }
});

test('more hosts than a stack has room for are refused, with what to do', () => {
  const limit = /63 pairs of a host and an operating system.*room for 60.*aws\.stackName/s;
  const most = largeConfiguration(manyHosts);
  const more = largeConfiguration(1);
  const renamed = {
    hosts: more.hosts.map((host) => ({ ...host, name: 'last' as typeof host.name })),
    pools: more.pools.map((pool) => ({ ...pool, host: 'last' as typeof pool.host })),
  };
  const configuration = {
    ...most,
    hosts: [...most.hosts, ...renamed.hosts],
    pools: [...most.pools, ...renamed.pools],
  };
  assert.throws(() => synthesize(configuration, {}, 'unchecked'), limit);
});

test('a type of host that can not be deployed is refused, with what to do', () => {
  const { hosts, ...configuration } = awsConfiguration();
  const [first, ...others] = hosts.map((host) => ({ ...host }));
  assert.ok(first);
  first.type = 'local';
  assert.throws(
    () => synthesize({ ...configuration, hosts: [first, ...others] }, {}, 'unchecked'),
    /is of type local, which can not be deployed to AWS; those that can are .*simulated.*Remedy/s,
  );
});

test('what an earlier stack made is read at the deploy, and never held back by an export', () => {
  for (const { text, outputs } of plain().stacks.values()) {
    assert.doesNotMatch(text, /Fn::ImportValue/);
    assert.ok(Object.values(outputs).every((output) => output['Export'] === undefined));
  }
  assert.match(plain().stacks.get('launchers')?.text ?? '', /Fn::GetStackOutput/);
});

test('people and commands are told by outputs', () => {
  const outputs = [...plain().stacks.values()].flatMap((stack) => Object.keys(stack.outputs));
  for (const key of Object.values(outputKeys)) assert.ok(outputs.includes(key), key);
  const hosts = plain().stacks.get('pipeline')?.outputs[outputKeys.hosts];
  assert.equal(hosts?.['Value'], 'lab,mac');
});

test('everything that can have tags has that of the deployment, and those that are asked for', () => {
  const untagged = strict()
    .resources()
    .filter(({ type, properties }) => taggable.has(type) && !hasTags(properties['Tags']))
    .map(({ stack, id }) => `${stack} ${id}`);
  assert.deepEqual(untagged, []);

  function hasTags(tags: Json | undefined): boolean {
    const text = JSON.stringify(tags ?? null);
    const isList = Array.isArray(tags);
    const of = (key: string, value: string) =>
      isList ? text.includes(JSON.stringify({ Key: key, Value: value })) : objectOf(tags)[key] === value;
    return of(deploymentTag, strictSettings.stackName) && of('team', 'build');
  }
});

const taggable = new Set([
  'AWS::ApiGatewayV2::Api',
  'AWS::CloudWatch::Alarm',
  'AWS::DynamoDB::Table',
  'AWS::Events::Rule',
  'AWS::IAM::Role',
  'AWS::KMS::Key',
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Logs::LogGroup',
  'AWS::SNS::Topic',
  'AWS::SQS::Queue',
]);

test("names that are fixed have the deployment's in them, so that two can live in one account", () => {
  const named = /^(?:Topic|Queue|Function|Table|Role|LogGroup|Alarm|Dashboard|Alias|Bucket|Key)?Name$/;
  const fixed = strict()
    .resources()
    .flatMap(({ stack, id, properties }) =>
      Object.entries(properties)
        .filter(([key, value]) => named.test(key) && typeof value === 'string')
        .map(([, value]) => ({ where: `${stack} ${id}`, name: String(value) })),
    );
  assert.ok(fixed.length > 0);
  // The CDK leaves hyphens out, and adds a hash of where it stands.
  for (const { where, name } of fixed) assert.match(name, /^acme-?ci/, where);
});

test('what holds data keeps its place in the templates: another id would delete it and make it anew', () => {
  const stateful = ['AWS::DynamoDB::Table', 'AWS::SecretsManager::Secret'];
  const ids = plain()
    .resources()
    .filter(({ type }) => stateful.includes(type))
    .map(({ stack, id }) => `${stack} ${id}`);
  assert.deepEqual(ids.sort(), ['pipeline AppSecret', 'pipeline Table', 'pipeline WebhookSecret']);
});

test('no template holds a secret, or makes one', () => {
  const banned = ['SecretString', 'GenerateSecretString', 'SecretBinary'];
  for (const templates of [plain(), strict()]) {
    for (const { id, properties } of templates.resources()) {
      for (const { key } of valuesIn(properties)) assert.ok(!banned.includes(key), id);
    }
    for (const { text } of templates.stacks.values()) {
      assert.doesNotMatch(text, /PRIVATE KEY|the token of a test/);
    }
  }
});
