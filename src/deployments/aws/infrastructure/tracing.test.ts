import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { awsConfiguration } from '../../../../test/fixtures/aws-configuration.ts';
import { tracingVariables, variables } from '../environment.ts';
import { type FunctionKind, functionKinds, functions, tracingKinds } from '../functions.ts';
import {
  grantsOf,
  objectOf,
  plain,
  type Resource,
  refersTo,
  type Settings,
  type Statement,
  synthesize,
  type Templates,
} from './testing.ts';

const secretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:traces-AbCdEf';

const toXRay = synthesize(awsConfiguration(), { tracing: { to: 'xray', sampleRatio: 0.25 } }, 'checked');
const toCollector = withTracing({
  to: 'https://collector.example.com/v1/traces',
  headersSecretArn: secretArn,
});

function withTracing(tracing: Settings['tracing']): Templates {
  return synthesize(awsConfiguration(), { tracing }, 'unchecked');
}

function functionOf(templates: Templates, kind: FunctionKind): Resource {
  const found = templates
    .resources('AWS::Lambda::Function')
    .find(({ properties }) => String(properties['Description']).startsWith(functions[kind].says));
  assert.ok(found, kind);
  return found;
}

function variablesOf(templates: Templates, kind: FunctionKind) {
  return objectOf(objectOf(functionOf(templates, kind).properties['Environment'])['Variables']);
}

function grants(templates: Templates, kind: FunctionKind): Statement[] {
  const station = functionOf(templates, kind);
  const role = templates
    .resources('AWS::IAM::Role')
    .find((one) => one.stack === station.stack && refersTo(station.properties['Role'] ?? null, one));
  assert.ok(role, kind);
  return grantsOf(role);
}

const typesOf = (templates: Templates) =>
  Object.fromEntries(
    [...Map.groupBy(templates.resources(), ({ type }) => type)].map(([type, all]) => [type, all.length]),
  );

describe('without a word about traces', () => {
  test('there is nothing for them: no function, no queue, no variable, no right', () => {
    const text = [...plain().stacks.values()].map((stack) => stack.text).join('\n');
    assert.doesNotMatch(text, /Tracer|TRACES_|xray:/);
    assert.equal(variablesOf(plain(), 'publisher')['TRACE_SAMPLE_RATIO'], '0');
  });
});

describe('with traces', () => {
  test('there are one function more, its queue with its dead letters, and what tells of them', () => {
    const before = typesOf(plain());
    const after = typesOf(toXRay);
    const more = Object.keys(after).filter((type) => after[type] !== before[type]);
    assert.deepEqual(more.sort(), [
      'AWS::CloudWatch::Alarm',
      'AWS::IAM::Role',
      'AWS::Lambda::EventSourceMapping',
      'AWS::Lambda::Function',
      'AWS::Logs::LogGroup',
      'AWS::SQS::Queue',
      'AWS::SQS::QueuePolicy',
    ]);
    assert.equal((after['AWS::SQS::Queue'] ?? 0) - (before['AWS::SQS::Queue'] ?? 0), 2);
    assert.equal((after['AWS::Lambda::Function'] ?? 0) - (before['AWS::Lambda::Function'] ?? 0), 1);
  });

  test('functions are given exactly the variables that environment.ts names for them', () => {
    for (const kind of ['webhook', 'asks', 'steps', 'publisher', 'tracer'] as const)
      assert.deepEqual(
        Object.keys(variablesOf(toXRay, kind)).sort(),
        [...variables[kind], ...(tracingVariables[kind] ?? [])].sort(),
        kind,
      );
  });

  test('who meets jobs first is told which share of them is kept', () => {
    for (const kind of ['webhook', 'asks', 'steps', 'publisher'] as const)
      assert.equal(variablesOf(toXRay, kind)['TRACE_SAMPLE_RATIO'], '0.25', kind);
  });

  test('the Publisher may send to the queue of spans, and nobody else', () => {
    const [queue] = toXRay.resources('AWS::SQS::Queue').filter(({ id }) => id.startsWith('TracerQueue'));
    assert.ok(queue);
    const sends = (kind: FunctionKind) =>
      grants(toXRay, kind)
        .filter(({ actions }) => actions.includes('sqs:SendMessage'))
        .some(({ resources }) => resources.some((on) => refersTo(on, queue)));
    for (const kind of [...functionKinds, ...tracingKinds])
      assert.equal(sends(kind), kind === 'publisher', kind);
  });

  test('the tracer may receive, log, and write spans, and nothing else', () => {
    const told = grants(toXRay, 'tracer').flatMap(({ actions }) => actions);
    assert.deepEqual(told.sort(), [
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'sqs:ChangeMessageVisibility',
      'sqs:DeleteMessage',
      'sqs:GetQueueAttributes',
      'sqs:ReceiveMessage',
      'xray:PutSpans',
      'xray:PutSpansForIndexing',
      'xray:PutTraceSegments',
    ]);
    for (const kind of [...functionKinds, ...tracingKinds])
      if (kind !== 'tracer')
        assert.equal(JSON.stringify(grants(toXRay, kind)).includes('xray:'), false, kind);
  });

  test("spans go to X-Ray of the deployment's own region", () => {
    const url = JSON.stringify(variablesOf(toXRay, 'tracer')['TRACES_URL']);
    for (const part of ['https://xray.', 'AWS::Region', 'AWS::URLSuffix', '/v1/traces'])
      assert.ok(url.includes(part), url);
    assert.equal(variablesOf(toXRay, 'tracer')['TRACES_HEADERS_SECRET_ARN'], '');
  });

  test("or to a collector, whose headers are read from the one secret that is named, and X-Ray's right is not given", () => {
    const told = variablesOf(toCollector, 'tracer');
    assert.equal(told['TRACES_URL'], 'https://collector.example.com/v1/traces');
    assert.equal(told['TRACES_HEADERS_SECRET_ARN'], secretArn);
    const all = grants(toCollector, 'tracer');
    const reads = all.filter(({ actions }) => actions.includes('secretsmanager:GetSecretValue'));
    assert.deepEqual(
      reads.map(({ resources }) => resources),
      [[secretArn]],
    );
    assert.equal(JSON.stringify(all).includes('xray:'), false);
  });

  test('or by a parameter, where secrets are kept as such', () => {
    const headersSecretArn = 'arn:aws:ssm:eu-west-1:123456789012:parameter/traces/headers';
    const kept = synthesize(
      awsConfiguration(),
      {
        secretsStore: 'parameterStore',
        encryption: 'customerManaged',
        tracing: { to: 'https://collector.example.com/v1/traces', headersSecretArn },
      },
      'unchecked',
    );
    const reads = grants(kept, 'tracer').filter(({ actions }) => actions.includes('ssm:GetParameter'));
    assert.deepEqual(
      reads.map(({ resources }) => resources),
      [[headersSecretArn]],
    );
  });
});
