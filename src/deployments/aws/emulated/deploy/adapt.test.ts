import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { adapted, type Resource } from './adapt.ts';

function adaptedOne(resource: Resource): Resource | undefined {
  return adapted({ Resources: { One: resource } }).Resources?.['One'];
}

describe('A template for the emulator', () => {
  it('has its mappings switched off, with all that they say', () => {
    const Properties = { BatchSize: 10, FunctionResponseTypes: ['ReportBatchItemFailures'] };
    assert.deepEqual(adaptedOne({ Type: 'AWS::Lambda::EventSourceMapping', Properties }), {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: { ...Properties, Enabled: false },
    });
  });

  it('has its schedules switched off, and no other rules', () => {
    const stateOf = (Properties: Record<string, unknown>) =>
      adaptedOne({ Type: 'AWS::Events::Rule', Properties })?.Properties?.['State'];
    assert.equal(stateOf({ ScheduleExpression: 'rate(1 minute)', State: 'ENABLED' }), 'DISABLED');
    assert.equal(stateOf({ EventPattern: { source: ['x'] }, State: 'ENABLED' }), 'ENABLED');
  });

  it('allows a batch wherever a message is allowed, and nothing else', () => {
    const PolicyDocument = {
      Statement: [
        { Effect: 'Allow', Action: 'sns:Publish', Resource: 'a' },
        { Effect: 'Allow', Action: ['sqs:SendMessage', 'dynamodb:GetItem'], Resource: 'b' },
        { Effect: 'Deny', Action: 'sqs:*', Resource: 'c' },
      ],
    };
    const policy = adaptedOne({ Type: 'AWS::SQS::QueuePolicy', Properties: { PolicyDocument } });
    const { Statement } = (policy?.Properties?.['PolicyDocument'] ?? {}) as {
      Statement: { Action: unknown }[];
    };
    assert.deepEqual(
      Statement.map(({ Action }) => Action),
      [
        ['sns:Publish', 'sns:PublishBatch'],
        ['sqs:SendMessage', 'sqs:SendMessageBatch', 'dynamodb:GetItem'],
        ['sqs:*'],
      ],
    );
  });

  it('leaves out the alarms that the emulator does not know, and keeps the others', () => {
    const alarm = (Properties: Record<string, unknown>) =>
      adaptedOne({ Type: 'AWS::CloudWatch::Alarm', Properties });
    assert.equal(alarm({ Metrics: [] }), undefined);
    assert.equal(adaptedOne({ Type: 'AWS::CloudWatch::CompositeAlarm' }), undefined);
    assert.notEqual(alarm({ MetricName: 'Errors' }), undefined);
  });

  it('leaves out whom a cluster of EKS knows: its CloudFormation can not tell it', () => {
    assert.equal(adaptedOne({ Type: 'AWS::EKS::AccessEntry', Properties: {} }), undefined);
    assert.notEqual(adaptedOne({ Type: 'AWS::EKS::Cluster', Properties: {} }), undefined);
  });

  it('is a copy: the given one stays as it is', () => {
    const given = { Resources: { One: { Type: 'AWS::Lambda::EventSourceMapping', Properties: {} } } };
    adapted(given);
    assert.deepEqual(given.Resources.One.Properties, {});
  });
});
