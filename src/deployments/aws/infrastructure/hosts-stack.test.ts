import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { SecurityGroup } from 'aws-cdk-lib/aws-ec2';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { awsConfiguration } from '../../../../test/fixtures/aws-configuration.ts';
import type { CreateHostInfrastructure } from '../../../adapters/hosts/infrastructure.ts';
import { demandConfiguration } from '../../../config/check.ts';
import { functions } from '../functions.ts';
import {
  grantsOf,
  objectOf,
  type Resource,
  refersTo,
  synthesize,
  type Templates,
  valuesIn,
} from './testing.ts';

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
    events: [{ source: ['aws.ec2'], detail: { state: ['terminated'] } }],
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

  test('listen once for what they all want to hear', () => {
    const rules = made.resources('AWS::Events::Rule').filter(({ id }) => id.startsWith('HostEvents'));
    assert.equal(rules.length, 1, 'two rules would start the function twice for one event');
  });

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

describe('two hosts on EC2', () => {
  const { configuration } = demandConfiguration({
    hosts: { one: { type: 'ec2', limit: 4 }, two: { type: 'ec2', limit: 4 } },
    pools: {
      spot: { host: 'one', os: 'linux', labels: ['spot'], limit: 4, machine: machine('spot') },
      win: { host: 'two', os: 'windows', labels: ['win'], limit: 4, machine: machine('onDemand') },
    },
  });
  const made = synthesize(configuration, {}, 'checked');
  const may = (role: Resource, action: string) =>
    grantsOf(role).filter(({ actions }) => actions.includes(action));

  function machine(market: string) {
    return { instanceTypes: ['c7i.large'], market };
  }

  test('launch by their launchers alone, which are permitted the templates of their own host', () => {
    for (const role of made.resources('AWS::IAM::Role')) {
      const launches = may(role, 'ec2:CreateFleet');
      assert.equal(launches.length > 0, role.stack === 'launchers', `${role.stack} ${role.id}`);
      const other = role.id.startsWith('one') ? 'twowin' : 'onespot';
      assert.doesNotMatch(JSON.stringify(launches), new RegExp(`OutputRef${other}`), role.id);
    }
  });

  test('end machines that carry the tag of the stack with the templates, wherever the function stands', () => {
    const tag = 'aws:ResourceTag/runners:stack';
    const roles = made
      .resources('AWS::IAM::Role')
      .filter((role) => may(role, 'ec2:TerminateInstances').length > 0);
    // Two launchers, two terminators, and the one that looks at all hosts.
    assert.equal(roles.length, 5);
    const [template] = made.resources('AWS::EC2::LaunchTemplate');
    assert.match(JSON.stringify(template?.properties), /"github-runners-hosts"/);
    for (const role of roles) {
      for (const { condition } of may(role, 'ec2:TerminateInstances')) {
        assert.equal(objectOf(condition['StringEquals'])[tag], 'github-runners-hosts', role.id);
      }
    }
  });

  test('have statements of the same kind, and no policy has a name twice', () => {
    for (const role of made.resources('AWS::IAM::Role')) {
      const sids = [...valuesIn(role.properties)]
        .filter(({ key }) => key === 'Sid')
        .map(({ value }) => value);
      assert.equal(new Set(sids).size, sids.length, role.id);
    }
  });
});
