// Macs on dedicated hosts that their pool allocates, against the stand-in, in virtual time: a host costs for a day.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type DeploymentPrefix,
  type HostName,
  type MachineId,
  type PoolName,
  type RunnerName,
  ulid,
} from '../../../core/ids.ts';
import { createVirtualClock } from '../../clock/virtual/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createEc2Host } from './index.ts';
import { ec2Machine } from './options.ts';
import { tagKeys } from './tags.ts';
import type { Ec2StandIn, StandInSettings } from './testing/server.ts';
import { contextFor, launchRequest, rememberingOffers, startStandIn } from './testing.ts';

const deployment = 'own1' as DeploymentPrefix;
const hostName = 'ec2' as HostName;
const pool = 'ios' as PoolName;
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const type = 'mac2.metal';

interface World {
  standIn: Ec2StandIn;
  host: ReturnType<typeof createEc2Host>;
  /** As another process of the same deployment. */
  another(): ReturnType<typeof createEc2Host>;
  offers: ReturnType<typeof rememberingOffers>;
  name(): RunnerName;
  launch(name: RunnerName, given?: { attempt?: number; hostsMax?: number }): Promise<MachineId | string>;
  pass(ms: number): Promise<unknown>;
  states(): string[];
}

async function inWorld(
  settings: Partial<StandInSettings>,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const clock = createVirtualClock(Date.UTC(2026, 10, 25, 9));
  const random = createSeededRandom(1);
  const standIn = await startStandIn({
    ...{ clock, pendingMs: 6 * minuteMs, endingMs: minuteMs, allocatingMs: 2 * minuteMs },
    scrubbingMs: 110 * minuteMs,
    ...settings,
  });
  const offers = rememberingOffers();
  const open = () =>
    createEc2Host(contextFor(standIn, { deployment, host: hostName, pool, clock, random, offers }));
  const host = open();
  const { hosts } = standIn.cloud.dedicated;
  try {
    await run({
      standIn,
      host,
      another: open,
      offers,
      name: () => `own1-ec2-ios-${ulid(clock.now(), random)}` as RunnerName,
      launch: async (name, { attempt = 1, hostsMax = 1 } = {}) => {
        const machine = { instanceTypes: [type], dedicatedHostsMax: hostsMax };
        const answer = await host.launch(
          launchRequest({ name, attempt, deployment, pool, now: clock.now(), machine }),
        );
        if (answer.outcome === 'launched') return answer.machine;
        assert.equal(answer.refusal, 'noCapacity', answer.reason);
        return answer.reason;
      },
      pass: (ms) => clock.advance(ms),
      states: () => [...hosts.values()].map(({ state, occupant }) => (occupant ? 'occupied' : state)),
    });
  } finally {
    await standIn.close();
  }
}

describe('a Mac on a dedicated host of its pool', { concurrency: 4 }, () => {
  test('has one allocated, waits until that is ready, and is launched upon it', () =>
    inWorld({}, async ({ standIn, launch, name, pass, states }) => {
      assert.match(await launch(name()), /dedicated host h-\w+ was allocated, and is being made ready/);
      assert.match(await launch(name()), /h-\w+ is being made ready/);
      await pass(3 * minuteMs);
      const runner = name();
      const machine = await launch(runner);
      assert.match(machine, /^i-/);
      assert.deepEqual(states(), ['occupied']);
      assert.equal(standIn.countOf('AllocateHosts'), 1);
      const [dedicated] = standIn.cloud.dedicated.hosts.values();
      assert.equal(dedicated?.autoPlacement, false);
      assert.deepEqual(Object.fromEntries(dedicated?.tags ?? []), {
        [tagKeys.shown]: 'own1-ec2-ios',
        [tagKeys.prefix]: deployment,
        [tagKeys.host]: hostName,
        [tagKeys.pool]: pool,
        [tagKeys.stack]: 'test',
      });
      assert.equal(await launch(runner), machine, 'the same call has the same machine');
      assert.equal(standIn.cloud.instances.size, 1);
      assert.deepEqual(states(), ['occupied'], 'and no second host');
    }));

  test('is not told that it has none while its own launch is not to be seen yet', () =>
    inWorld({ visibleAfterMs: hourMs }, async ({ launch, name, pass, standIn }) => {
      await launch(name(), { hostsMax: 3 });
      await pass(3 * minuteMs);
      const runner = name();
      await launch(runner, { hostsMax: 3 });
      await assert.rejects(launch(runner, { hostsMax: 3 }), /whether one started is not known/);
      assert.equal(standIn.countOf('AllocateHosts'), 1);
    }));

  test('has one host, however many launchers ask for it at once, and though its answer is lost', () =>
    inWorld(
      {
        hostVisibleAfterMs: 30_000,
        fate: ({ action }, calls) =>
          action === 'AllocateHosts' && calls.filter((call) => call.action === action).length === 1
            ? 'lose'
            : 'pass',
      },
      async ({ launch, name, pass, states }) => {
        const asked = Promise.all([launch(name()), launch(name()), launch(name())]);
        let isAnswered = false;
        asked.finally(() => (isAnswered = true)).catch(() => {});
        while (!isAnswered) await pass(50);
        await asked;
        assert.equal(states().length, 1);
        // A crash: the launch never comes again, and another one does not see the host yet.
        await launch(name());
        assert.equal(states().length, 1);
      },
    ));

  test('has another host beside one that is taken, and no more than the pool may have', () =>
    inWorld({}, async ({ launch, name, pass, states }) => {
      const hostsMax = 2;
      await launch(name(), { hostsMax });
      await pass(3 * minuteMs);
      await launch(name(), { hostsMax });
      assert.match(await launch(name(), { hostsMax }), /was allocated/);
      await pass(3 * minuteMs);
      assert.match(await launch(name(), { hostsMax }), /^i-/);
      const reason = await launch(name(), { hostsMax });
      assert.match(
        reason,
        /all 2 dedicated hosts of the pool are taken: h-\w+ has a machine, h-\w+ has a machine/,
      );
      assert.deepEqual(states(), ['occupied', 'occupied']);
    }));

  test('waits for a host that is scrubbed, which is kept for it then, though its day is over', () =>
    inWorld({}, async ({ host, launch, name, pass, states }) => {
      await launch(name());
      await pass(3 * minuteMs);
      const runner = name();
      const machine = (await launch(runner)) as MachineId;
      await pass(25 * hourMs);
      await host.terminate({ name: runner, machine });
      await pass(2 * minuteMs);
      assert.deepEqual(states(), ['pending']);
      for (let minutes = 0; minutes < 110; minutes += 10) {
        assert.match(await launch(name()), /is being scrubbed after a machine/);
        await host.tend();
        await pass(10 * minuteMs);
      }
      assert.deepEqual(states(), ['available']);
      await host.tend();
      assert.deepEqual(states(), ['available'], 'it is wanted');
      assert.match(await launch(name()), /^i-/);
      assert.deepEqual(states(), ['occupied']);
    }));

  test('lets go of its host when that is empty, its day is over and nothing wants it, and not before', () =>
    inWorld({}, async ({ standIn, host, another, launch, name, pass, states }) => {
      await launch(name());
      await pass(3 * minuteMs);
      const runner = name();
      const machine = (await launch(runner)) as MachineId;
      await pass(23 * hourMs);
      await host.terminate({ name: runner, machine });
      await pass(hourMs + 2 * minuteMs);
      for (const one of [host, another()]) await one.tend();
      assert.deepEqual(states(), ['pending'], 'EC2 scrubs it');
      await pass(hourMs);
      assert.deepEqual(states(), ['available']);
      await Promise.all([host.tend(), another().tend()]);
      assert.deepEqual(states(), ['released']);
      assert.match(await launch(name()), /was allocated/, 'the next day has a host of its own');
      assert.equal(standIn.cloud.dedicated.hosts.size, 2);
    }));

  test('lets go of a host whose launch never came, once its day is over', () =>
    inWorld({}, async ({ standIn, launch, name, pass, states, another }) => {
      await launch(name());
      await pass(23 * hourMs);
      await another().tend();
      assert.equal(standIn.countOf('ReleaseHosts'), 0);
      await pass(2 * hourMs);
      await another().tend();
      assert.deepEqual(states(), ['released']);
    }));

  test("touches no host of its owner's, nor of another deployment", () =>
    inWorld({}, async ({ standIn, launch, name, pass, states, host }) => {
      const { dedicated } = standIn.cloud;
      const given = { instanceType: type, zone: 'eu-west-1a', autoPlacement: false, clientToken: undefined };
      dedicated.allocate({ ...given, tags: new Map() });
      const strange = { [tagKeys.prefix]: 'else1', [tagKeys.host]: hostName, [tagKeys.pool]: pool };
      dedicated.allocate({ ...given, tags: new Map([...Object.entries(strange), [tagKeys.stack, 'test']]) });
      await pass(25 * hourMs);
      await host.tend();
      assert.deepEqual(states(), ['available', 'available']);
      assert.match(await launch(name()), /was allocated/);
    }));

  test("takes a host of its owner's that places by itself before it allocates one", () =>
    inWorld({}, async ({ standIn, launch, name, pass }) => {
      const given = { instanceType: type, zone: 'eu-west-1a', autoPlacement: true, clientToken: undefined };
      standIn.cloud.dedicated.allocate({ ...given, tags: new Map() });
      await pass(3 * minuteMs);
      assert.match(await launch(name()), /^i-/);
      assert.equal(standIn.countOf('AllocateHosts'), 0);
    }));

  test('is allocated for in another zone where one has no host, and says so where none has', () =>
    inWorld(
      { hostCapacity: { [`${type}/eu-west-1a`]: 0, [`${type}/eu-west-1b`]: 1 } },
      async ({ standIn, launch, name, pass, offers }) => {
        assert.match(await launch(name(), { hostsMax: 2 }), /was allocated/);
        assert.deepEqual([...offers.until.keys()], [`${type}/eu-west-1a/onDemand`]);
        await pass(3 * minuteMs);
        assert.match(await launch(name(), { hostsMax: 2 }), /^i-/);
        assert.equal([...standIn.cloud.instances.values()][0]?.zone, 'eu-west-1b');
        assert.match(await launch(name(), { hostsMax: 2 }), /eu-west-1b: InsufficientHostCapacity/);
        assert.match(
          await launch(name(), { hostsMax: 2 }),
          /no zone had a dedicated host for it a while ago/,
        );
      },
    ));

  test("ends at the account's limit with what EC2 says", () =>
    inWorld({ hostLimit: 1 }, async ({ launch, name, pass }) => {
      await launch(name(), { hostsMax: 2 });
      await pass(3 * minuteMs);
      await launch(name(), { hostsMax: 2 });
      assert.match(await launch(name(), { hostsMax: 2 }), /HostLimitExceeded/);
    }));

  test('looks for another host where the one that it found was taken a moment before', () =>
    inWorld({}, async ({ standIn, launch, name, pass }) => {
      await launch(name());
      await pass(3 * minuteMs);
      const [dedicated] = standIn.cloud.dedicated.hosts.values();
      assert.ok(dedicated);
      const runner = name();
      // As EC2 shows it: the list is of a moment ago.
      const { visible } = standIn.cloud.dedicated;
      standIn.cloud.dedicated.visible = () => visible().map((one) => ({ ...one, occupant: null }));
      dedicated.occupant = 'i-0000000000000beef';
      assert.match(await launch(runner), /InsufficientCapacityOnHost/);
      standIn.cloud.dedicated.visible = visible;
      assert.match(await launch(runner, { attempt: 2, hostsMax: 2 }), /was allocated/);
    }));
});

describe('a machine that works for one runner after another', () => {
  test('is activated again under newer names alone, and what is left of an older runner ends it no more', () =>
    inWorld({}, async ({ host, launch, name, pass, standIn }) => {
      await launch(name());
      await pass(3 * minuteMs);
      const names = [name()];
      const machine = (await launch(names[0] as RunnerName)) as MachineId;
      await pass(10 * minuteMs);
      const machineSettings = ec2Machine.parse({ instanceTypes: [type] });
      const activate = (runner: RunnerName) => {
        const [now] = [standIn.cloud.settings.clock.now()];
        const request = launchRequest({ name: runner, attempt: 1, deployment, pool, now });
        return host.activate({ ...request, machine: machineSettings }, machine);
      };
      // More of them than their tag has room for.
      for (let round = 0; round < 8; round += 1) {
        const runner = name();
        names.push(runner);
        assert.equal((await activate(runner)).outcome, 'launched');
        assert.equal((await activate(runner)).outcome, 'launched', 'asked twice');
        await pass(30 * minuteMs);
      }
      const [instance] = standIn.cloud.instances.values();
      assert.equal(instance?.tags.get(tagKeys.name), names.at(-1));
      for (const older of names.slice(0, -1)) {
        assert.equal((await activate(older)).outcome, 'refused', 'a message that comes late');
        assert.equal(await host.terminate({ name: older, machine }), 'gone');
        assert.equal(await host.describe({ name: older, machine }), 'dead');
      }
      assert.equal(instance?.state, 'running');
      // The spare that it is after its last job has a newer name, which the machine never bore.
      const spare = name();
      assert.equal(await host.describe({ name: spare, machine }), 'alive');
      assert.equal(await host.terminate({ name: spare, machine }), 'ending');
    }));
});

describe('settings of a Mac', () => {
  const refused = (machine: object) =>
    ec2Machine.safeParse({ instanceTypes: ['mac2.metal'], ...machine }).error?.issues[0]?.message;

  test('that do not fit are refused, with what to do', () => {
    assert.equal(refused({ dedicatedHostsMax: 2 }), undefined);
    const hostResourceGroup = 'arn:aws:resource-groups:eu-west-1:123456789012:group/macs';
    assert.match(refused({ dedicatedHostsMax: 2, hostResourceGroup }) ?? '', /give one of the two/);
    assert.match(refused({ standby: 'stopped' }) ?? '', /take 'hot'/);
    assert.match(refused({ instanceTypes: ['m7i.large'], dedicatedHostsMax: 1 }) ?? '', /leave it out/);
  });
});
