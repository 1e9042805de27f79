import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { awsConfiguration } from '../../../../test/fixtures/aws-configuration.ts';
import type { CreateHostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import { functions } from '../functions.ts';
import { grantsOf, objectOf, type Resource, refersTo, synthesize, type Templates } from './testing.ts';

/** As a host has it whose machines stand in a network. */
const createInfrastructure: CreateHostInfrastructure = (scope, { settings, pools, vpc }) => {
  const group = new SecurityGroup(scope, 'Machines', { vpc: vpc(), allowAllOutbound: true });
  return {
    permissions: [
      new PolicyStatement({
        actions: ['ec2:TerminateInstances'],
        resources: [`arn:aws:ec2:*:*:instance/${settings.name}`],
      }),
    ],
    environment: {
      [`${settings.name.toUpperCase()}_GROUP`]: group.securityGroupId,
      [`${settings.name.toUpperCase()}_POOLS`]: pools.map(({ name }) => name).join(','),
    },
    events: [],
  };
};

function stationsOf(templates: Templates, says: string): Resource[] {
  return templates
    .resources('AWS::Lambda::Function')
    .filter(({ properties }) => String(properties['Description']).startsWith(says));
}

const variablesOf = ({ properties }: Resource) => objectOf(objectOf(properties['Environment'])['Variables']);

describe('hosts that need something of their own', () => {
  const made = synthesize(awsConfiguration(), {}, 'unchecked', { simulated: createInfrastructure });
  const endings = (station: Resource) => {
    const role = made
      .resources('AWS::IAM::Role')
      .find((one) => one.stack === station.stack && refersTo(station.properties['Role'] ?? null, one));
    assert.ok(role);
    return JSON.stringify(
      grantsOf(role)
        .filter(({ actions }) => actions.includes('ec2:TerminateInstances'))
        .map(({ resources }) => resources),
    );
  };

  test('get one network between them, before all else', () => {
    assert.equal(made.resources('AWS::EC2::VPC').length, 1);
    assert.equal(made.resources('AWS::EC2::SecurityGroup').length, 2);
    assert.ok(made.stacks.get('hosts')?.after.includes('network'));
  });

  test('are told of, and permitted to, the functions of that host alone, and to the one that looks at all', () => {
    for (const kind of ['launcher', 'terminator'] as const) {
      for (const station of stationsOf(made, functions[kind].says)) {
        const own = String(variablesOf(station)['HOST']);
        const other = own === 'lab' ? 'mac' : 'lab';
        assert.ok(variablesOf(station)[`${own.toUpperCase()}_GROUP`]);
        assert.equal(variablesOf(station)[`${other.toUpperCase()}_GROUP`], undefined);
        assert.match(endings(station), new RegExp(`instance/${own}`));
        assert.doesNotMatch(endings(station), new RegExp(`instance/${other}`));
      }
    }
    const [steps] = stationsOf(made, functions.steps.says);
    assert.ok(steps);
    assert.equal(variablesOf(steps)['LAB_POOLS'], 'lint,win');
    assert.equal(variablesOf(steps)['MAC_POOLS'], 'ios');
    assert.match(endings(steps), /instance\/lab.*instance\/mac/);
  });

  test('are no business of the other functions', () => {
    for (const kind of ['webhook', 'claim', 'publisher', 'tick', 'asks', 'hostEvents'] as const) {
      const [station] = stationsOf(made, functions[kind].says);
      assert.ok(station);
      assert.equal(variablesOf(station)['LAB_GROUP'], undefined);
      assert.equal(endings(station), '[]');
    }
  });
});

test('two hosts that say different things under one name are refused', () => {
  const clashing: CreateHostInfrastructure = (_scope, { settings }) => ({
    permissions: [],
    environment: { GROUP: settings.name },
    events: [],
  });
  assert.throws(
    () => synthesize(awsConfiguration(), {}, 'unchecked', { simulated: clashing }),
    /is given GROUP twice, with different values\. Remedy/,
  );
});

test("a host that would overwrite one of the system's own variables is refused", () => {
  const greedy: CreateHostInfrastructure = () => ({
    permissions: [],
    environment: { JOBS_TABLE: 'another' },
    events: [],
  });
  assert.throws(
    () => synthesize(awsConfiguration(), {}, 'unchecked', { simulated: greedy }),
    /is given JOBS_TABLE twice/,
  );
});
