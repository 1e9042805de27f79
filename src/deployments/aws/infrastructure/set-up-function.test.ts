import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { demandConfiguration } from '../../../config/check.ts';
import { grantsOf, objectOf, refersTo, synthesize } from './testing.ts';

const { configuration } = demandConfiguration({
  hosts: {
    pods: { type: 'kubernetes', limit: 20, options: { auth: { kind: 'eks', cluster: 'production' } } },
  },
  pools: { lint: { host: 'pods', os: 'linux', labels: ['lint'], limit: 20 } },
});

describe('a host that is set up by the deploy', () => {
  const made = synthesize(configuration, { logRetentionDays: 30 }, 'checked');
  const functions = made
    .resources('AWS::Lambda::Function')
    .filter(({ properties }) => String(properties['Description']).startsWith('Sets a host up'));
  const [setUp] = functions;

  test('has one function for it, before all that calls the host, whose log ends as all others do', () => {
    assert.ok(setUp);
    assert.equal(functions.length, 1);
    assert.equal(setUp.stack, 'hosts');
    assert.equal(setUp.properties['Description'], 'Sets a host up at a deploy, and takes that back (pods)');
    const logs = made.resources('AWS::Logs::LogGroup').find(({ stack }) => stack === 'hosts');
    assert.equal(logs?.properties['RetentionInDays'], 30);
  });

  test('which CloudFormation calls, and waits for no longer than it lives', () => {
    const [resource] = made.resources('Custom::KubernetesNamespace');
    assert.ok(resource && setUp);
    assert.ok(refersTo(resource.properties['ServiceToken'] ?? null, setUp));
    const timeout = Number(setUp.properties['Timeout']);
    const waits = Number(resource.properties['ServiceTimeout']);
    assert.ok(waits > timeout && waits <= timeout + 60, `${waits} s of ${timeout} s`);
  });

  test('and which may do nothing by itself but write its log', () => {
    assert.ok(setUp);
    const role = made
      .resources('AWS::IAM::Role')
      .find((one) => refersTo(setUp.properties['Role'] ?? null, one));
    assert.ok(role);
    assert.deepEqual(
      grantsOf(role).flatMap(({ actions }) => actions),
      ['logs:CreateLogStream', 'logs:PutLogEvents'],
    );
    assert.deepEqual(objectOf(setUp.properties['Environment'])['Variables'], undefined);
  });
});
