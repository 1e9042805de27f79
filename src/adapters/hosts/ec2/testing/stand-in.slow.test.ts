// The stand-in held against moto, another's work, where that is right about EC2. It is not about client tokens, which it
// ignores, nor about capacity, nor about states from which a machine can not be started.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import {
  AllocateHostsCommand,
  CreateFleetCommand,
  CreateLaunchTemplateCommand,
  CreateTagsCommand,
  DescribeHostsCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  ReleaseHostsCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { startMoto } from '../../../../../scripts/moto.ts';
import type { DeploymentPrefix, HostName, PoolName, RunnerName } from '../../../../core/ids.ts';
import { createSystemClock } from '../../../clock/system/index.ts';
import { createSeededRandom } from '../../../clock/virtual/random.ts';
import { createEc2Clients } from '../client.ts';
import { createEc2Host } from '../index.ts';
import { ec2HostOptions } from '../options.ts';
import {
  launchRequest,
  rememberingOffers,
  standInConfig,
  template as standInTemplate,
  startStandIn,
  subnets,
} from '../testing.ts';

const clock = createSystemClock();

interface Place {
  client: EC2Client;
  endpoint: string;
  template: string;
  subnet: string;
  zone: string;
  close(): Promise<void>;
}

async function moto(): Promise<Place> {
  const { endpoint, stop } = await startMoto();
  const client = new EC2Client({ ...standInConfig, endpoint });
  const { Images } = await client.send(new DescribeImagesCommand({ MaxResults: 5 }));
  const { Subnets } = await client.send(new DescribeSubnetsCommand({}));
  const { LaunchTemplate } = await client.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: 'pool',
      LaunchTemplateData: { ImageId: Images?.[0]?.ImageId, HibernationOptions: { Configured: true } },
    }),
  );
  return {
    client,
    endpoint,
    template: `${LaunchTemplate?.LaunchTemplateId}:1`,
    subnet: Subnets?.[0]?.SubnetId ?? '',
    zone: Subnets?.[0]?.AvailabilityZone ?? '',
    close: async () => {
      client.destroy();
      await stop();
    },
  };
}

async function standIn(): Promise<Place> {
  const { endpoint, close } = await startStandIn({ clock, pendingMs: 1, endingMs: 1, stoppingMs: 1 });
  const client = new EC2Client({ ...standInConfig, endpoint });
  const [subnet = '', zone = ''] = Object.entries(subnets)[0] ?? [];
  return {
    client,
    endpoint,
    template: `${standInTemplate.id}:1`,
    subnet,
    zone,
    close: async () => {
      client.destroy();
      await close();
    },
  };
}

/** What a client sees, without what is of the place itself. */
async function observe({ client, template, subnet }: Place): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  const [LaunchTemplateId, Version] = template.split(':');
  const fleet = await client.send(
    new CreateFleetCommand({
      Type: 'instant',
      ClientToken: 'observed-1',
      TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId, Version },
          Overrides: [{ InstanceType: 'm5.large', SubnetId: subnet }],
        },
      ],
      TagSpecifications: [{ ResourceType: 'instance', Tags: [{ Key: 'runners:name', Value: 'one' }] }],
    }),
  );
  const id = fleet.Instances?.[0]?.InstanceIds?.[0] ?? '';
  seen['fleet'] = {
    errors: fleet.Errors?.length ?? 0,
    instances: fleet.Instances?.map(({ InstanceIds, InstanceType, Lifecycle }) => [
      InstanceIds?.length,
      InstanceType,
      Lifecycle,
    ]),
    idIsLong: /^i-[0-9a-f]{17}$/.test(id),
  };
  const look = async (value: string) => {
    const { Reservations } = await client.send(
      new DescribeInstancesCommand({ Filters: [{ Name: 'tag:runners:name', Values: [value] }] }),
    );
    const instances = Reservations?.flatMap(({ Instances }) => Instances ?? []) ?? [];
    return instances.map(({ InstanceId, Tags, State, SubnetId, InstanceType }) => ({
      isIt: InstanceId === id,
      tag: Tags?.find(({ Key }) => Key === 'runners:name')?.Value,
      state: State,
      isInSubnet: SubnetId === subnet,
      InstanceType,
    }));
  };
  const settled = async (state: string) => {
    for (const deadline = clock.now() + 10_000; clock.now() < deadline; await clock.sleep(10)) {
      const [found] = await look('two');
      if (found?.state?.Name === state) return;
    }
    assert.fail(`it never came to be ${state}`);
  };
  await client.send(
    new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'runners:name', Value: 'two' }] }),
  );
  seen['old name'] = await look('one');
  await settled('running');
  seen['running'] = await look('two');
  const code = (work: Promise<unknown>) => work.then(() => 'done').catch((error: Error) => error.name);
  const nobody = 'i-00000000000000bad';
  seen['unknown id'] = await code(client.send(new DescribeInstancesCommand({ InstanceIds: [nobody] })));
  seen['unknown id as a filter'] =
    (
      await client.send(
        new DescribeInstancesCommand({ Filters: [{ Name: 'instance-id', Values: [nobody] }] }),
      )
    ).Reservations?.length ?? 0;
  seen['one bad id'] = await code(client.send(new TerminateInstancesCommand({ InstanceIds: [id, nobody] })));
  seen['after one bad id'] = (await look('two'))[0]?.state?.Name;
  const { StoppingInstances } = await client.send(
    new StopInstancesCommand({ InstanceIds: [id], Hibernate: true }),
  );
  seen['stop'] = StoppingInstances?.[0]?.PreviousState?.Name;
  await settled('stopped');
  const { StartingInstances } = await client.send(new StartInstancesCommand({ InstanceIds: [id] }));
  seen['start'] = [StartingInstances?.[0]?.PreviousState?.Name, StartingInstances?.[0]?.CurrentState];
  await settled('running');
  const { TerminatingInstances } = await client.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
  seen['terminate'] = [
    TerminatingInstances?.[0]?.PreviousState?.Name,
    TerminatingInstances?.[0]?.CurrentState?.Name,
  ];
  await settled('terminated');
  seen['terminate again'] = await code(client.send(new TerminateInstancesCommand({ InstanceIds: [id] })));
  seen['unknown template'] = await code(
    client.send(
      new CreateFleetCommand({
        Type: 'instant',
        TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: 'on-demand' },
        LaunchTemplateConfigs: [
          { LaunchTemplateSpecification: { LaunchTemplateId: 'lt-00000000000000bad', Version: '1' } },
        ],
      }),
    ),
  );
  return seen;
}

/** moto knows no machine on a host, no day that is paid for, and no token. */
async function observeHosts({ client, zone }: Place): Promise<Record<string, unknown>> {
  const seen: Record<string, unknown> = {};
  const { HostIds = [] } = await client.send(
    new AllocateHostsCommand({
      AvailabilityZone: zone,
      InstanceType: 'm5.large',
      Quantity: 1,
      AutoPlacement: 'off',
      TagSpecifications: [
        { ResourceType: 'dedicated-host', Tags: [{ Key: 'runners:prefix', Value: 'own1' }] },
      ],
    }),
  );
  const [id = ''] = HostIds;
  seen['allocated'] = [HostIds.length, /^h-[0-9a-f]{17}$/.test(id)];
  const look = async (key: string) => {
    const { Hosts = [] } = await client.send(
      new DescribeHostsCommand({ Filter: [{ Name: 'tag-key', Values: [key] }] }),
    );
    return Hosts.map(({ HostId, State, AvailabilityZone, AutoPlacement, HostProperties, Tags, ...host }) => ({
      isIt: HostId === id,
      isInZone: AvailabilityZone === zone,
      ...{ State, AutoPlacement, HostProperties, Tags },
      isNew: Math.abs((host.AllocationTime?.getTime() ?? 0) - clock.now()) < 60_000,
    }));
  };
  seen['other key'] = await look('runners:other');
  for (const deadline = clock.now() + 10_000; (await look('runners:prefix'))[0]?.State !== 'available'; ) {
    assert.ok(clock.now() < deadline, 'it never came to be available');
    await clock.sleep(10);
  }
  await client.send(
    new CreateTagsCommand({ Resources: [id], Tags: [{ Key: 'runners:wanted', Value: 'now' }] }),
  );
  seen['host'] = await look('runners:wanted');
  return seen;
}

describe('the stand-in of EC2', () => {
  let other: Place;
  let own: Place;
  before(async () => {
    [other, own] = await Promise.all([moto(), standIn()]);
  });
  after(async () => {
    await Promise.all([other?.close(), own?.close()]);
  });

  test('is seen by a client as moto is', async () => {
    const [expected, actual] = await Promise.all([observe(other), observe(own)]);
    assert.deepEqual(actual, expected);
  });

  test('has dedicated hosts that are seen by a client as those of moto are, but for their day', async () => {
    const [expected, actual] = await Promise.all([observeHosts(other), observeHosts(own)]);
    assert.deepEqual(actual, expected);
    const { Hosts = [] } = await own.client.send(new DescribeHostsCommand({}));
    const HostIds = Hosts.flatMap(({ HostId }) => HostId ?? []);
    const { Unsuccessful = [] } = await own.client.send(new ReleaseHostsCommand({ HostIds }));
    assert.deepEqual(
      Unsuccessful.map(({ Error: error }) => error?.Code),
      ['Client.HostMinAllocationPeriodUnexpired'],
    );
  });

  for (const which of ['moto', 'the stand-in'] as const) {
    test(`the host launches, lists, activates and ends a machine on ${which}`, async () => {
      const place = which === 'moto' ? other : own;
      const pool = 'build' as PoolName;
      const deployment = 'own1' as DeploymentPrefix;
      const host = createEc2Host({
        deployment,
        host: 'ec2' as HostName,
        options: ec2HostOptions.parse({}),
        made: {
          stack: 'test',
          templates: { [pool]: place.template },
          subnets: { [place.subnet]: place.zone },
        },
        clients: createEc2Clients({ ...standInConfig, endpoint: place.endpoint }),
        offers: rememberingOffers(),
        clock,
        random: createSeededRandom(1),
      });
      const named = (last: number) => `own1-ec2-build-0000000000000000000000000${last}` as RunnerName;
      const request = (name: RunnerName) =>
        launchRequest({
          name,
          attempt: 1,
          deployment,
          pool,
          now: clock.now(),
          machine: { instanceTypes: ['m5.large'] },
        });
      const launched = await host.launch(request(named(1)));
      assert.ok(launched.outcome === 'launched');
      const { machine } = launched;
      assert.deepEqual(await host.list(), [{ name: named(1), machine, alive: true }]);
      assert.equal((await host.activate(request(named(2)), machine)).outcome, 'launched');
      assert.deepEqual(await host.list(), [{ name: named(2), machine, alive: true }]);
      assert.equal(await host.describe({ name: named(1), machine }), 'dead');
      await host.terminate({ name: named(2), machine });
      for (
        const deadline = clock.now() + 10_000;
        (await host.describe({ name: named(2), machine })) !== 'dead';
      ) {
        assert.ok(clock.now() < deadline);
        await clock.sleep(10);
      }
      assert.equal(await host.terminate({ name: named(2), machine }), 'gone');
    });
  }
});
