import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grantsOf, objectOf, plain, refersTo, statementsOf, strict, strictSettings } from './testing.ts';

test('by default everything is encrypted, and no key is made or paid for', () => {
  assert.deepEqual(
    plain()
      .resources('AWS::KMS::Key')
      .filter(({ stack }) => stack !== 'observability'),
    [],
  );
  for (const { id, properties } of plain().resources('AWS::SQS::Queue')) {
    assert.equal(properties['SqsManagedSseEnabled'], true, id);
  }
  const topics = plain()
    .resources('AWS::SNS::Topic')
    .filter(({ stack }) => stack === 'pipeline');
  assert.equal(topics.length, 2);
  for (const { id, properties } of topics) {
    assert.match(JSON.stringify(properties['KmsMasterKeyId'] ?? null), /alias\/aws\/sns/, id);
  }
  // DynamoDB, Secrets Manager and CloudWatch Logs encrypt whatever they keep, and name no key of their own.
  for (const type of ['AWS::DynamoDB::Table', 'AWS::SecretsManager::Secret', 'AWS::Logs::LogGroup']) {
    for (const { properties } of plain().resources(type)) {
      assert.equal(properties['SSESpecification'] ?? properties['KmsKeyId'], undefined);
    }
  }
});

test('with a key of your own one key is made, and everything is encrypted with it', () => {
  const [key, ...others] = strict().resources('AWS::KMS::Key');
  assert.ok(key);
  assert.deepEqual(others, []);
  assert.equal(key.properties['EnableKeyRotation'], true);
  const keyOf: Record<string, (properties: ReturnType<typeof objectOf>) => unknown> = {
    'AWS::SQS::Queue': (properties) => properties['KmsMasterKeyId'],
    'AWS::SNS::Topic': (properties) => properties['KmsMasterKeyId'],
    'AWS::Logs::LogGroup': (properties) => properties['KmsKeyId'],
    'AWS::DynamoDB::Table': (properties) => objectOf(properties['SSESpecification'])['KMSMasterKeyId'],
  };
  for (const [type, keyIn] of Object.entries(keyOf)) {
    const found = strict().resources(type);
    assert.ok(found.length > 0, type);
    for (const { id, properties } of found) {
      assert.match(JSON.stringify(keyIn(properties) ?? null), new RegExp(key.id), `${type} ${id}`);
    }
  }
});

test('functions use that key through the services that store, and services for this account alone', () => {
  const [key] = strict().resources('AWS::KMS::Key');
  assert.ok(key);
  for (const role of strict().resources('AWS::IAM::Role')) {
    const [grant, ...others] = grantsOf(role).filter(({ actions }) =>
      actions.some((action) => action.startsWith('kms:')),
    );
    assert.ok(grant && others.length === 0, role.id);
    assert.ok(refersTo(grant.resources, key), role.id);
    assert.ok(objectOf(grant.condition['StringEquals'])['kms:ViaService'], role.id);
  }
  const services = statementsOf(key.properties['KeyPolicy']).filter(({ principal }) =>
    JSON.stringify(principal).includes('Service'),
  );
  assert.ok(services.length > 0);
  for (const { condition } of services) assert.match(JSON.stringify(condition), /AWS::AccountId/);
});

test('by default nothing is left behind when the deployment is destroyed', () => {
  for (const { id, attributes } of plain().resources()) {
    assert.notEqual(attributes['DeletionPolicy'], 'Retain', id);
    assert.notEqual(attributes['DeletionPolicy'], 'Snapshot', id);
  }
  const [table] = plain().resources('AWS::DynamoDB::Table');
  assert.equal(table?.properties['DeletionProtectionEnabled'], false);
  assert.equal(table?.attributes['DeletionPolicy'], 'Delete');
});

test('where it is asked for, the table, its key and the logs stay, and the table is protected', () => {
  for (const type of ['AWS::DynamoDB::Table', 'AWS::KMS::Key', 'AWS::Logs::LogGroup']) {
    for (const { id, attributes } of strict().resources(type)) {
      assert.equal(attributes['DeletionPolicy'], 'Retain', id);
    }
  }
  const [table] = strict().resources('AWS::DynamoDB::Table');
  assert.equal(table?.properties['DeletionProtectionEnabled'], true);
});

test('the table can be looked at as it was, and forgets what has ended', () => {
  const [table] = plain().resources('AWS::DynamoDB::Table');
  const { properties = {} } = table ?? {};
  assert.deepEqual(properties['PointInTimeRecoverySpecification'], { PointInTimeRecoveryEnabled: true });
  assert.deepEqual(properties['TimeToLiveSpecification'], { AttributeName: 'expires', Enabled: true });
  assert.equal(objectOf(properties['StreamSpecification'])['StreamViewType'], 'NEW_AND_OLD_IMAGES');
  assert.equal(properties['BillingMode'], 'PAY_PER_REQUEST');
});

test('every log is kept for as long as is asked for', () => {
  for (const { id, properties } of plain().resources('AWS::Logs::LogGroup')) {
    assert.equal(properties['RetentionInDays'], 30, id);
  }
  for (const { id, properties } of strict().resources('AWS::Logs::LogGroup')) {
    assert.equal(properties['RetentionInDays'], strictSettings.logRetentionDays, id);
  }
});

test('secrets are made empty, or are parameters that the deploy command makes', () => {
  assert.equal(plain().resources('AWS::SecretsManager::Secret').length, 2);
  for (const { properties } of plain().resources('AWS::SecretsManager::Secret')) {
    assert.deepEqual(Object.keys(properties).sort(), ['Description', 'Tags']);
  }
  assert.equal(strict().resources('AWS::SecretsManager::Secret').length, 0);
  assert.equal(strict().resources('AWS::SSM::Parameter').length, 0);
  const reads = strict()
    .resources('AWS::IAM::Role')
    .flatMap(grantsOf)
    .filter(({ actions }) => actions.includes('ssm:GetParameter'));
  assert.ok(reads.length > 0);
  for (const { resources } of reads) {
    assert.match(JSON.stringify(resources), /parameter\/acme-ci\/(?:webhook|app)"/);
  }
});
