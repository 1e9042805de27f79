import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectOf, plain, statementsOf } from './testing.ts';

const routes = ['POST /runners/claim', 'POST /runners/milestones', 'POST /webhooks/github'];

test('the HTTP API has three routes and no other, and none for what fits none', () => {
  const found = plain()
    .resources('AWS::ApiGatewayV2::Route')
    .map(({ properties }) => properties['RouteKey']);
  assert.deepEqual(found.sort(), routes);
  assert.equal(plain().resources('AWS::ApiGatewayV2::Api').length, 1);
  assert.equal(plain().resources('AWS::ApiGatewayV2::Stage').length, 1);
});

test('each route has a throttle of its own, and stands before the stage that names it', () => {
  const [stage] = plain().resources('AWS::ApiGatewayV2::Stage');
  assert.deepEqual(objectOf(stage?.properties['RouteSettings']), {
    'POST /webhooks/github': { ThrottlingRateLimit: 500, ThrottlingBurstLimit: 1000 },
    'POST /runners/claim': { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
    'POST /runners/milestones': { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
  });
  const ids = plain()
    .resources('AWS::ApiGatewayV2::Route')
    .map(({ id }) => id);
  const before = JSON.stringify(stage?.attributes['DependsOn']);
  for (const id of ids) assert.ok(before.includes(id), id);
});

test('the API calls the doors with payloads of version 2.0, and may call nothing else', () => {
  for (const { properties } of plain().resources('AWS::ApiGatewayV2::Integration')) {
    assert.equal(properties['PayloadFormatVersion'], '2.0');
    assert.equal(properties['IntegrationType'], 'AWS_PROXY');
  }
  const permissions = plain()
    .resources('AWS::Lambda::Permission')
    .filter(({ properties }) => properties['Principal'] === 'apigateway.amazonaws.com');
  assert.equal(permissions.length, 3);
  for (const { properties } of permissions) {
    assert.equal(properties['Action'], 'lambda:InvokeFunction');
    // Of this API, and of the one route.
    assert.match(
      JSON.stringify(properties['SourceArn']),
      /"Ref":"Api.*(?:\/webhooks\/github|\/runners\/claim|\/runners\/milestones)"/,
    );
  }
});

test('calls are logged, without what stands in them', () => {
  const [stage] = plain().resources('AWS::ApiGatewayV2::Stage');
  const { Format, DestinationArn } = objectOf(stage?.properties['AccessLogSettings']);
  const fields = Object.values(JSON.parse(String(Format)) as Record<string, string>);
  assert.ok(DestinationArn);
  for (const field of fields) {
    assert.match(field, /^\$context\./);
    assert.doesNotMatch(field, /authorizer|querystring|header|body/i);
  }
});

test('nobody but the services named may call a function', () => {
  for (const { id, properties } of plain().resources('AWS::Lambda::Permission')) {
    assert.match(String(properties['Principal']), /^(?:apigateway|events)\.amazonaws\.com$/, id);
    assert.ok(properties['SourceArn'], id);
  }
  assert.equal(plain().resources('AWS::Lambda::Url').length, 0);
  for (const role of plain().resources('AWS::IAM::Role')) {
    for (const { principal } of statementsOf(role.properties['AssumeRolePolicyDocument'])) {
      assert.deepEqual(principal, { Service: 'lambda.amazonaws.com' }, role.id);
    }
  }
});
