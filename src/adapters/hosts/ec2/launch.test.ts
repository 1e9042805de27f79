// Launches against the stand-in, through the real SDK: what EC2 may answer, and what must come of it. That nothing
// started twice is shown by counting machines.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, MachineId, PoolName, RunnerName } from '../../../core/ids.ts';
import type { LaunchAnswer } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createEc2Host } from './index.ts';
import type { Ec2Machine } from './options.ts';
import { tagKeys } from './tags.ts';
import { part, parts, text } from './testing/query.ts';
import type { Ec2StandIn, Fate, StandInSettings } from './testing/server.ts';
import { contextFor, launchRequest, rememberingOffers, startStandIn } from './testing.ts';

const deployment = 'own1' as DeploymentPrefix;
const hostName = 'ec2' as HostName;
const pool = 'build' as PoolName;
const clock = createSystemClock();

interface World {
  standIn: Ec2StandIn;
  host: ReturnType<typeof createEc2Host>;
  offers: ReturnType<typeof rememberingOffers>;
  name(): RunnerName;
  launch(
    name: RunnerName,
    given?: {
      attempt?: number;
      machine?: Partial<Ec2Machine>;
      patienceMs?: number;
      at?: string;
      steady?: boolean;
    },
  ): Promise<LaunchAnswer>;
  alive(): number;
}

async function inWorld(
  settings: Omit<StandInSettings, 'subnets' | 'templates' | 'clock'>,
  run: (world: World) => Promise<void>,
): Promise<void> {
  const standIn = await startStandIn({ clock, ...settings });
  const offers = rememberingOffers();
  const context = contextFor(standIn, {
    deployment,
    host: hostName,
    pool,
    clock,
    random: createSeededRandom(1),
    offers,
  });
  const host = createEc2Host(context);
  let named = 0;
  try {
    await run({
      standIn,
      host,
      offers,
      name: () => {
        named += 1;
        return `own1-ec2-build-${String(named).padStart(26, '0')}` as RunnerName;
      },
      launch: (name, { attempt = 1, machine = {}, patienceMs = 5_000, at, steady } = {}) => {
        const now = clock.now();
        const request = launchRequest({ name, attempt, deployment, pool, now, machine });
        const answerBefore = now + patienceMs;
        return host.launch({
          ...request,
          answerBefore,
          ...(at && { traceparent: at }),
          ...(steady && { steady }),
        });
      },
      alive: () => [...standIn.cloud.instances.values()].filter(({ state }) => state !== 'terminated').length,
    });
  } finally {
    await standIn.close();
  }
}

/** The fate of the first calls of an action; those after them pass. */
function first(action: string, ...fates: Fate[]): NonNullable<StandInSettings['fate']> {
  return (call, calls) =>
    call.action === action
      ? (fates[calls.filter((one) => one.action === action).length - 1] ?? 'pass')
      : 'pass';
}

const spot: Partial<Ec2Machine> = {
  instanceTypes: ['m7i.large', 'm6i.large'],
  market: 'spotThenOnDemand',
};
const noSpot = {
  'm7i.large/eu-west-1a/spot': 0,
  'm7i.large/eu-west-1b/spot': 0,
  'm6i.large/eu-west-1a/spot': 0,
  'm6i.large/eu-west-1b/spot': 0,
};

describe('a launch on EC2', { concurrency: 4 }, () => {
  test('is one fleet of one machine, which carries what the machine has to know, and no secret', () =>
    inWorld({}, async ({ standIn, launch, name }) => {
      const runner = name();
      const answer = await launch(runner);
      assert.equal(answer.outcome, 'launched');
      assert.deepEqual(
        standIn.calls.map(({ action }) => action),
        ['CreateFleet'],
      );
      const [call] = standIn.calls;
      assert.equal(text(call?.params, 'Type'), 'instant');
      assert.equal(text(call?.params, 'ClientToken'), `${runner}-1`);
      const [config] = parts(call?.params, 'LaunchTemplateConfigs');
      assert.equal(text(part(config, 'LaunchTemplateSpecification'), 'Version'), '3');
      assert.equal(parts(config, 'Overrides').length, 2);
      const [instance] = standIn.cloud.instances.values();
      assert.equal(instance?.tags.get(tagKeys.name), runner);
      assert.equal(instance?.tags.get(tagKeys.claim), 'https://example.test/runners/claim');
      assert.equal(instance?.tags.get(tagKeys.lifetime), '86400');
      assert.equal(JSON.stringify(call?.params).includes('not sent'), false, 'the token was sent');
    }));

  test('whose answer was lost is asked again under the same token, and has one machine', () =>
    inWorld({ fate: first('CreateFleet', 'lose', 'lose') }, async ({ standIn, launch, name, alive }) => {
      const answer = await launch(name());
      assert.equal(answer.outcome, 'launched');
      assert.equal(standIn.countOf('CreateFleet'), 3);
      assert.equal(alive(), 1);
    }));

  test('of which nothing is known is an error, and never a refusal', () =>
    inWorld(
      { fate: first('CreateFleet', 'lose', 'drop', 'drop', 'drop') },
      async ({ launch, name, alive }) => {
        await assert.rejects(launch(name(), { patienceMs: 1_500 }), /whether something started is not known/);
        assert.equal(alive(), 1);
      },
    ));

  test('that was throttled after a lost answer stays in doubt until EC2 answers for it', () =>
    inWorld(
      { fate: first('CreateFleet', 'lose', { code: 'RequestLimitExceeded', status: 503 }) },
      async ({ launch, name, alive }) => {
        assert.equal((await launch(name())).outcome, 'launched');
        assert.equal(alive(), 1);
      },
    ));

  test('that is refused outright after a lost answer is an error, since the first may have begun', () =>
    inWorld(
      { fate: first('CreateFleet', 'lose', { code: 'UnauthorizedOperation', status: 403 }) },
      async ({ launch, name, alive }) => {
        await assert.rejects(
          launch(name()),
          /UnauthorizedOperation.*whether something started is not known/s,
        );
        assert.equal(alive(), 1);
      },
    ));

  test('is given up at its time, and the machine of the late answer is found under its name', () =>
    inWorld(
      { fate: first('CreateFleet', { hold: clock.sleep(400) }) },
      async ({ host, launch, name, alive }) => {
        const runner = name();
        const begunAt = clock.now();
        await assert.rejects(launch(runner, { patienceMs: 300 }), /not known/);
        assert.ok(clock.now() - begunAt < 390, 'it waited for longer than its caller');
        assert.equal(alive(), 1);
        assert.equal(await host.describe({ name: runner, machine: null }), 'alive');
      },
    ));

  test('that is throttled says so, is no evidence about the pool, and may be tried again soon', () =>
    inWorld(
      { buckets: { CreateFleet: { burst: 1, perSecond: 0.001 } } },
      async ({ launch, name, alive, offers }) => {
        assert.equal((await launch(name())).outcome, 'launched');
        const answer = await launch(name());
        assert.ok(answer.outcome === 'refused');
        assert.equal(answer.refusal, 'throttled');
        assert.ok(answer.retryAfterMs !== null && answer.retryAfterMs >= 500 && answer.retryAfterMs <= 8_000);
        assert.equal(alive(), 1);
        assert.equal(offers.until.size, 0);
      },
    ));

  test('takes the offer that has room, and remembers those that had none', () =>
    inWorld(
      { capacity: { 'm7i.large/eu-west-1a/onDemand': 0 } },
      async ({ standIn, launch, name, offers, alive }) => {
        assert.equal((await launch(name())).outcome, 'launched');
        assert.deepEqual([...offers.until.keys()], ['m7i.large/eu-west-1a/onDemand']);
        assert.equal(alive(), 1);
        await launch(name());
        const [config] = parts(standIn.calls[1]?.params, 'LaunchTemplateConfigs');
        assert.deepEqual(
          parts(config, 'Overrides').map((override) => text(override, 'SubnetId')),
          ['subnet-0000000b'],
        );
      },
    ));

  test('goes from spot to on demand by a second attempt, since an empty answer is remembered under its token', () =>
    inWorld({ capacity: noSpot }, async ({ launch, name, alive, standIn }) => {
      const runner = name();
      const answer = await launch(runner, { machine: spot });
      assert.ok(answer.outcome === 'refused');
      assert.equal(answer.refusal, 'noCapacity');
      assert.equal(answer.retryAfterMs, 0, 'another offer is left, so another attempt is worth it at once');
      assert.match(answer.reason, /m7i\.large\/eu-west-1a\/spot: InsufficientInstanceCapacity/);
      for (const offer of Object.keys(noSpot)) standIn.cloud.setCapacity(offer, 10);
      const again = await launch(runner, { attempt: 2, machine: spot });
      assert.equal(again.outcome, 'launched');
      assert.deepEqual(
        [...standIn.cloud.instances.values()].map(({ market }) => market),
        ['onDemand'],
      );
      assert.equal(alive(), 1);
    }));

  test('that is to be steady asks for no spot machine, whatever its pool prefers', () =>
    inWorld({}, async ({ launch, name, standIn }) => {
      for (const market of ['spot', 'spotThenOnDemand', 'onDemand'] as const) {
        const answer = await launch(name(), { machine: { ...spot, market }, steady: true });
        assert.equal(answer.outcome, 'launched');
      }
      assert.equal((await launch(name(), { machine: spot })).outcome, 'launched');
      assert.deepEqual(
        [...standIn.cloud.instances.values()].map(({ market }) => market),
        ['onDemand', 'onDemand', 'onDemand', 'spot'],
      );
    }));

  test('leaves a market whose limit of the account is reached, and not one offer after another', () =>
    inWorld({ limits: { spot: 1 } }, async ({ launch, name, standIn, offers }) => {
      assert.equal((await launch(name(), { machine: spot })).outcome, 'launched');
      const runner = name();
      const answer = await launch(runner, { machine: spot });
      assert.ok(answer.outcome === 'refused' && answer.retryAfterMs === 0);
      assert.equal(offers.until.size, 4);
      assert.equal((await launch(runner, { attempt: 2, machine: spot })).outcome, 'launched');
      assert.equal(standIn.countOf('CreateFleet'), 3);
    }));

  test('asks EC2 nothing while every offer of the pool is remembered to have no room', () =>
    inWorld({ capacity: noSpot }, async ({ launch, name, standIn }) => {
      const machine: Partial<Ec2Machine> = { ...spot, market: 'spot' };
      const answer = await launch(name(), { machine });
      assert.ok(answer.outcome === 'refused' && answer.retryAfterMs === null);
      const second = await launch(name(), { machine });
      assert.ok(second.outcome === 'refused' && second.refusal === 'noCapacity');
      assert.match(second.reason, /no capacity in any of the pool's 4 offers .* until \d{4}-\d\d-\d\dT/);
      assert.equal(standIn.countOf('CreateFleet'), 1);
    }));

  test('under a token that EC2 knows in other terms answers with the machine of the first', () =>
    inWorld({}, async ({ launch, name, alive, standIn }) => {
      const runner = name();
      const answer = await launch(runner);
      const other = { at: '00-11111111111111111111111111111111-2222222222222222-01' };
      assert.deepEqual(await launch(runner, other), answer);
      assert.equal(alive(), 1);
      assert.equal(standIn.countOf('CreateFleet'), 2);
    }));

  test('under such a token without a machine to be seen is in doubt', () =>
    inWorld({ visibleAfterMs: 60_000 }, async ({ launch, name }) => {
      const runner = name();
      await launch(runner);
      const other = { at: '00-11111111111111111111111111111111-2222222222222222-01' };
      await assert.rejects(launch(runner, other), /whether one started is not known/);
    }));

  test('that no person has mended yet is refused as invalid, with what EC2 said', () =>
    inWorld({ fate: first('CreateFleet', { code: 'InvalidAMIID.NotFound' }) }, async ({ launch, name }) => {
      const answer = await launch(name());
      assert.ok(answer.outcome === 'refused');
      assert.equal(answer.refusal, 'invalid');
      assert.equal(answer.retryAfterMs, null);
      assert.match(answer.reason, /InvalidAMIID\.NotFound/);
    }));

  test('with an error that no list knows is tried again after a while, and has its reason', () =>
    inWorld({ fate: first('CreateFleet', { code: 'SomethingNew' }) }, async ({ launch, name, offers }) => {
      const answer = await launch(name());
      assert.ok(answer.outcome === 'refused');
      assert.equal(answer.refusal, 'noCapacity');
      assert.ok(answer.retryAfterMs !== null && answer.retryAfterMs > 0);
      assert.match(answer.reason, /SomethingNew/);
      assert.equal(offers.until.size, 0, 'it says nothing about an offer');
    }));

  test('of a pool that has no launch template is refused, and says what to do', () =>
    inWorld({}, async ({ host, name, standIn }) => {
      const request = launchRequest({
        name: name(),
        attempt: 1,
        deployment,
        pool: 'other' as PoolName,
        now: clock.now(),
      });
      const answer = await host.launch(request);
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
      assert.match(answer.reason, /deploy/);
      assert.equal(standIn.calls.length, 0);
    }));

  test('goes on to other offers where the memory of them fails, and its answer stays plain', () =>
    inWorld({ capacity: noSpot }, async ({ standIn, name }) => {
      const broken = {
        remember: () => Promise.reject(new Error('the table is throttled')),
        unavailable: () => Promise.reject(new Error('the table is throttled')),
      };
      const given = { deployment, host: hostName, pool, clock, random: createSeededRandom(1) };
      const host = createEc2Host(contextFor(standIn, { ...given, offers: broken }));
      const request = (machine: Partial<Ec2Machine>) =>
        launchRequest({ name: name(), attempt: 1, deployment, pool, now: clock.now(), machine });
      assert.equal((await host.launch(request({}))).outcome, 'launched');
      const wanted = request(spot);
      const answer = await host.launch(wanted);
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity');
      assert.equal((await host.launch({ ...wanted, attempt: 2 })).outcome, 'launched');
    }));

  test('of macOS is asked for by itself, upon the hosts that are there, and what has no room is told as of any other', () =>
    inWorld({}, async ({ launch, name, standIn, offers, alive }) => {
      const { dedicated } = standIn.cloud;
      const given = { instanceType: 'mac2.metal', zone: 'eu-west-1a', autoPlacement: true };
      dedicated.allocate({ ...given, tags: new Map(), clientToken: undefined });
      await until(() => dedicated.visible().every(({ state }) => state === 'available'));
      const machine = { instanceTypes: ['mac2.metal'] };
      const runner = name();
      assert.equal((await launch(runner, { machine })).outcome, 'launched');
      assert.equal((await launch(runner, { machine })).outcome, 'launched');
      assert.equal(alive(), 1);
      const answer = await launch(name(), { machine });
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity');
      assert.equal(answer.retryAfterMs, 0, 'the other zone was not asked');
      assert.equal(standIn.countOf('CreateFleet') + standIn.countOf('AllocateHosts'), 0);
      assert.deepEqual([...offers.until.keys()], ['mac2.metal/eu-west-1a/onDemand']);
    }));
});

describe('a machine on EC2', { concurrency: 4 }, () => {
  async function launched({ launch, name }: World): Promise<{ name: RunnerName; machine: MachineId }> {
    const runner = name();
    const answer = await launch(runner);
    assert.ok(answer.outcome === 'launched');
    return { name: runner, machine: answer.machine };
  }

  test('that was launched this moment, and is not shown yet, is neither gone nor dead', () =>
    inWorld({ visibleAfterMs: 60_000 }, async (world) => {
      const ref = await launched(world);
      assert.equal(await world.host.describe(ref), 'absent');
      assert.equal(await world.host.terminate(ref), 'ending');
      assert.equal(await world.host.terminate({ ...ref, machine: null }), 'ending');
    }));

  test('is alive until EC2 calls it terminated', () =>
    inWorld({ endingMs: 60_000 }, async (world) => {
      const ref = await launched(world);
      assert.equal(await world.host.terminate(ref), 'ending');
      assert.equal(await world.host.describe(ref), 'alive');
      const list = await world.host.list();
      assert.deepEqual(list, [{ ...ref, alive: true }]);
    }));

  test('is ended alone: a call for it names no other', () =>
    inWorld({}, async (world) => {
      const refs = [await launched(world), await launched(world)];
      await Promise.all(refs.map((ref) => world.host.terminate(ref)));
      const ended = world.standIn.calls.filter(({ action }) => action === 'TerminateInstances');
      assert.deepEqual(
        ended.map(({ params }) => Object.keys(part(params, 'InstanceId') ?? {})),
        [['1'], ['1']],
      );
    }));

  test('is listed from all pages', () =>
    inWorld({ pageSize: 5 }, async (world) => {
      const refs = await Promise.all(Array.from({ length: 13 }, () => launched(world)));
      const list = await world.host.list();
      assert.ok(list !== 'unknown');
      assert.deepEqual(list.map(({ name }) => name).sort(), refs.map(({ name }) => name).sort());
      assert.equal(world.standIn.countOf('DescribeInstances'), 3);
    }));

  test('is unknown, and keeps its place, where EC2 is asked too much', () =>
    inWorld({ buckets: { DescribeInstances: { burst: 0, perSecond: 0 } } }, async (world) => {
      const ref = await launched(world);
      assert.equal(await world.host.describe(ref), 'unknown');
      assert.equal(await world.host.list(), 'unknown');
    }));

  test('that stands by is stopped as its pool wants it, and started by its activation', () =>
    inWorld({ stoppingMs: 1_000 }, async (world) => {
      const { host, standIn } = world;
      const spare = await launched(world);
      const instance = standIn.cloud.instances.get(spare.machine);
      assert.ok(instance);
      await until(() => instance.state === 'running');
      const settings = (standby: Ec2Machine['standby']) => ({ instanceTypes: ['m7i.large'], standby });
      assert.equal(await host.standBy(spare.machine, settings('hot'), Number.POSITIVE_INFINITY), 'waits');
      assert.equal(standIn.countOf('StopInstances'), 0);
      assert.equal(
        await host.standBy(spare.machine, settings('hibernated'), Number.POSITIVE_INFINITY),
        'settling',
      );
      const request = launchRequest({ name: world.name(), attempt: 1, deployment, pool, now: clock.now() });
      const early = await host.activate(request, spare.machine);
      assert.ok(early.outcome === 'refused' && early.retryAfterMs !== null, 'it is still stopping');
      await until(() => instance.state === 'stopped');
      assert.equal(
        await host.standBy(spare.machine, settings('hibernated'), Number.POSITIVE_INFINITY),
        'waits',
      );
      assert.equal((await host.activate(request, spare.machine)).outcome, 'launched');
      assert.equal((await host.activate(request, spare.machine)).outcome, 'launched');
      await until(() => instance.state === 'running');
      assert.equal(instance.tags.get(tagKeys.name), request.name);
      assert.equal(instance.tags.get(tagKeys.former), spare.name);
      assert.equal(await host.describe(spare), 'dead');
      assert.equal(
        await host.standBy(spare.machine, settings('stopped'), Number.POSITIVE_INFINITY),
        'notNow',
        'it works',
      );
      assert.equal(standIn.cloud.instances.size, 1);
    }));

  test('whose tags were written, and whose answer was lost, is activated all the same', () =>
    inWorld({ fate: first('CreateTags', 'lose') }, async (world) => {
      const spare = await launched(world);
      const request = launchRequest({ name: world.name(), attempt: 1, deployment, pool, now: clock.now() });
      assert.equal((await world.host.activate(request, spare.machine)).outcome, 'launched');
      assert.deepEqual(await world.host.list(), [
        { name: request.name, machine: spare.machine, alive: true },
      ]);
    }));

  test('of another deployment is left alone, and the caller is told', () =>
    inWorld({}, async (world) => {
      const ref = await launched(world);
      const given = { host: hostName, pool, clock, random: createSeededRandom(1) };
      const stranger = createEc2Host(
        contextFor(world.standIn, { ...given, deployment: 'else1' as DeploymentPrefix }),
      );
      await assert.rejects(stranger.terminate(ref), /stranger's and is left alone/);
      assert.equal(world.alive(), 1);
    }));
});

/** Conditions here come true within a tenth of a second. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = clock.now() + 10_000;
  while (!condition()) {
    assert.ok(clock.now() < deadline, 'waited for long, in vain');
    await clock.sleep(5);
  }
}
