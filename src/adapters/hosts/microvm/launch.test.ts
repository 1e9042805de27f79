// Launches against the stand-in, through the real SDK: what Lambda may answer, and what must come of it. That nothing
// started twice is shown by counting machines.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DeploymentPrefix, HostName, MachineId, PoolName, RunnerName } from '../../../core/ids.ts';
import type { LaunchAnswer, LaunchRequest } from '../../../ports/host.ts';
import { createSystemClock } from '../../clock/system/index.ts';
import { createSeededRandom } from '../../clock/virtual/random.ts';
import { createMicrovmHost } from './index.ts';
import { lifeSecondsMax, mayBeOf } from './life.ts';
import type { MicrovmMachine } from './options.ts';
import type { OperationName } from './testing/model.ts';
import { type Fate, launchBucket, type MicrovmStandIn, type StandInSettings } from './testing/server.ts';
import { contextFor, launchRequest, rememberingNames, startStandIn } from './testing.ts';

const deployment = 'own1' as DeploymentPrefix;
const hostName = 'vm' as HostName;
const pool = 'build' as PoolName;
const own = { stackName: 'own', host: hostName, pool };
const hourMs = 3_600_000;

/** The system's clock, with a hand on it: what has to be old is made so by moving on, and never by waiting. */
function movableClock() {
  const system = createSystemClock();
  let aheadMs = 0;
  return {
    ...system,
    now: () => system.now() + aheadMs,
    moveOn: (ms: number): void => {
      aheadMs += ms;
    },
  };
}

interface World {
  standIn: MicrovmStandIn;
  host: ReturnType<typeof createMicrovmHost>;
  names: ReturnType<typeof rememberingNames>;
  clock: ReturnType<typeof movableClock>;
  name(): RunnerName;
  request(name: RunnerName, given?: Partial<LaunchRequest>): LaunchRequest;
  launch(name: RunnerName, given?: Partial<LaunchRequest>): Promise<LaunchAnswer>;
  launched(): Promise<{ name: RunnerName; machine: MachineId }>;
  alive(): number;
}

async function inWorld(
  { hasSpares = false, ...settings }: Omit<StandInSettings, 'images' | 'clock'> & { hasSpares?: boolean },
  run: (world: World) => Promise<void>,
): Promise<void> {
  const clock = movableClock();
  const standIn = await startStandIn([own], {
    clock,
    pendingMs: 5,
    endingMs: 5,
    suspendingMs: 5,
    ...settings,
  });
  const names = rememberingNames();
  const random = createSeededRandom(1);
  const host = createMicrovmHost(contextFor(standIn, { ...own, clock, random, names, hasSpares }));
  let named = 0;
  const name = (): RunnerName => {
    named += 1;
    return `own1-vm-build-${String(named).padStart(26, '0')}` as RunnerName;
  };
  const request = (runner: RunnerName, given: Partial<LaunchRequest> = {}): LaunchRequest => {
    const now = clock.now();
    const asked = launchRequest({ name: runner, attempt: 1, deployment, pool, now });
    return { ...asked, answerBefore: now + 5_000, ...given };
  };
  const launch: World['launch'] = (runner, given) => host.launch(request(runner, given));
  const world: World = {
    ...{ standIn, host, names, clock, name, request, launch },
    async launched() {
      const runner = name();
      const answer = await launch(runner);
      assert.ok(answer.outcome === 'launched');
      return { name: runner, machine: answer.machine };
    },
    alive: () => standIn.cloud.living().length,
  };
  try {
    await run(world);
  } finally {
    await standIn.close();
  }
}

/** The fate of the first calls of an operation; those after them pass. */
function first(operation: OperationName, ...fates: Fate[]): NonNullable<StandInSettings['fate']> {
  return (call, calls) =>
    call.operation === operation
      ? (fates[calls.filter((one) => one.operation === operation).length - 1] ?? 'pass')
      : 'pass';
}

describe('a launch of a MicroVM', { concurrency: 4 }, () => {
  test('is one call, which lets nobody in, gives no role, and never freezes an idle machine', () =>
    inWorld({}, async ({ standIn, launch, name }) => {
      const runner = name();
      assert.equal((await launch(runner)).outcome, 'launched');
      assert.deepEqual(
        standIn.calls.map(({ operation }) => operation),
        ['RunMicrovm'],
      );
      const { input } = standIn.calls[0] ?? assert.fail();
      assert.equal(input['clientToken'], `${runner}-1`);
      assert.match(String(input['ingressNetworkConnectors']), /:NO_INGRESS$/);
      assert.deepEqual(input['logging'], { disabled: {} });
      assert.equal('idlePolicy' in input || 'executionRoleArn' in input, false);
      const told = JSON.parse(String(input['runHookPayload'])) as Record<string, string>;
      assert.deepEqual([told['runner'], told['claimUrl']], [runner, 'https://example.test/runners/claim']);
      assert.equal(told['token'], `token-of-${runner}`);
    }));

  test('asks for its longest life to the second, by which it can be known again', () =>
    inWorld({}, async ({ standIn, launch, name }) => {
      const runners = [name(), name()];
      for (const runner of runners) await launch(runner);
      for (const [at, runner] of runners.entries()) {
        const seconds = Number(standIn.calls[at]?.input['maximumDurationInSeconds']);
        assert.ok(seconds >= 3600 && seconds < 3600 + 251, `${seconds}`);
        assert.ok(mayBeOf(runner, seconds));
      }
    }));

  test('of a pool with spares lives as long as the platform lets it', () =>
    inWorld({ hasSpares: true }, async ({ standIn, launch, name }) => {
      await launch(name());
      const seconds = Number(standIn.calls[0]?.input['maximumDurationInSeconds']);
      assert.ok(seconds >= lifeSecondsMax && seconds <= 28_800, `${seconds}`);
    }));

  test('that would have to live for longer than the platform lets it is refused, and says what to take instead', () =>
    inWorld({}, async ({ standIn, launch, name }) => {
      const answer = await launch(name(), { lifetimeMsMax: 8 * hourMs });
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
      assert.match(answer.reason, /lower jobMinutesMax, or take a host of type ec2 or kubernetes/);
      assert.equal(standIn.calls.length, 0);
    }));

  test('whose answer was lost is asked again under the same token, and has one machine', () =>
    inWorld(
      { fate: first('RunMicrovm', 'lose', 'lose') },
      async ({ standIn, launch, name, alive, names }) => {
        const runner = name();
        const answer = await launch(runner);
        assert.ok(answer.outcome === 'launched');
        assert.equal(standIn.countOf('RunMicrovm'), 3);
        assert.equal(alive(), 1);
        assert.deepEqual(names.rows.get(answer.machine), [runner]);
      },
    ));

  test('of which nothing is known is an error, and never a refusal', () =>
    inWorld(
      { fate: first('RunMicrovm', 'lose', 'drop', 'drop', 'drop') },
      async ({ launch, name, alive, clock }) => {
        const answerBefore = clock.now() + 1_500;
        await assert.rejects(launch(name(), { answerBefore }), /whether something started is not known/);
        assert.equal(alive(), 1);
      },
    ));

  test('that was throttled after a lost answer stays in doubt until Lambda answers for it', () =>
    inWorld(
      { fate: first('RunMicrovm', 'lose', { code: 'ThrottlingException' }) },
      async ({ launch, name, alive }) => {
        assert.equal((await launch(name())).outcome, 'launched');
        assert.equal(alive(), 1);
      },
    ));

  test('that is refused outright after a lost answer is an error, since the first may have begun', () =>
    inWorld(
      { fate: first('RunMicrovm', 'lose', { code: 'AccessDeniedException' }) },
      async ({ launch, name, alive }) => {
        await assert.rejects(
          launch(name()),
          /AccessDeniedException.*whether something started is not known/s,
        );
        assert.equal(alive(), 1);
      },
    ));

  test('whose name can not be written down is an error, since nobody would know the machine', () =>
    inWorld({}, async ({ standIn, clock, name, request }) => {
      const names = { ...rememberingNames(), remember: () => Promise.reject(new Error('throttled')) };
      const given = { ...own, clock, random: createSeededRandom(1), names };
      const host = createMicrovmHost(contextFor(standIn, given));
      await assert.rejects(host.launch(request(name())), /runs, and its name could not be written down/);
    }));

  test('within the quota of launches is granted, beyond it throttled with its time, and no evidence against the pool', () =>
    inWorld({ buckets: launchBucket }, async ({ launch, name, alive }) => {
      const answers = await Promise.all(Array.from({ length: 9 }, () => launch(name())));
      const refused = answers.filter((answer) => answer.outcome === 'refused');
      assert.equal(alive(), answers.length - refused.length);
      assert.ok(refused.length >= 3 && refused.length <= 4, `${refused.length}`);
      for (const answer of refused) {
        assert.equal(answer.refusal, 'throttled');
        assert.ok(
          answer.retryAfterMs !== null && answer.retryAfterMs >= 1_000 && answer.retryAfterMs <= 8_000,
        );
      }
    }));

  for (const [code, refusal, settings] of [
    ['InsufficientCapacityException', 'noCapacity', { capacity: 0 }],
    ['ServiceQuotaExceededException', 'noCapacity', { memoryMbMax: 4096 }],
  ] as const)
    test(`that is answered with ${code} has started nothing, and is evidence about the pool`, () =>
      inWorld(settings, async ({ launch, name, alive, standIn }) => {
        const answer = await launch(name());
        assert.ok(answer.outcome === 'refused' && answer.refusal === refusal);
        assert.match(answer.reason, new RegExp(code));
        assert.equal(answer.retryAfterMs, null, 'there is no other offer');
        assert.equal(alive(), 0);
        assert.equal(standIn.countOf('RunMicrovm'), 1);
      }));

  for (const code of ['ValidationException', 'AccessDeniedException', 'ResourceNotFoundException'])
    test(`that is answered with ${code} is refused as invalid, with what Lambda said`, () =>
      inWorld({ fate: first('RunMicrovm', { code }) }, async ({ launch, name }) => {
        const answer = await launch(name());
        assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
        assert.match(answer.reason, new RegExp(code));
      }));

  test('with an error that no list knows is tried again after a while, and has its reason', () =>
    inWorld({ fate: first('RunMicrovm', { code: 'SomethingNew' }) }, async ({ launch, name }) => {
      const answer = await launch(name());
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity');
      assert.ok(answer.retryAfterMs !== null && answer.retryAfterMs > 0);
      assert.match(answer.reason, /SomethingNew/);
    }));

  test('under a token that Lambda knows in other terms answers with the machine of the first', () =>
    inWorld({}, async ({ launch, name, alive, standIn }) => {
      const runner = name();
      const answer = await launch(runner);
      const other = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' };
      assert.deepEqual(await launch(runner, other), answer);
      assert.equal(alive(), 1);
      assert.equal(standIn.countOf('RunMicrovm'), 2);
    }));

  test('under such a token without a machine to be seen is in doubt', () =>
    inWorld({ visibleAfterMs: 60_000 }, async ({ launch, name }) => {
      const runner = name();
      await launch(runner);
      const other = { traceparent: '00-11111111111111111111111111111111-2222222222222222-01' };
      await assert.rejects(launch(runner, other), /whether one started is not known/);
    }));

  test('of a pool that has no image is refused, and says what to do', () =>
    inWorld({}, async ({ launch, name, standIn }) => {
      const answer = await launch(name(), { pool: 'other' as PoolName });
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'invalid');
      assert.match(answer.reason, /deploy/);
      assert.equal(standIn.calls.length, 0);
    }));

  test('tells its machine no more than a hook takes', () =>
    inWorld({}, async ({ launch, name }) => {
      const url = `https://example.test/${'long'.repeat(1_000)}/claim`;
      const configuration = { kind: 'claimed', url, token: 'secret' } as const;
      await assert.rejects(launch(name(), { configuration }), /4096 is the most/);
    }));
});

describe('a MicroVM whose launch was never answered', { concurrency: 4 }, () => {
  /** The runner whose machine runs, and has no name. */
  async function inDoubt({ launch, name, clock }: World): Promise<RunnerName> {
    const runner = name();
    await assert.rejects(launch(runner, { answerBefore: clock.now() + 600 }), /not known/);
    return runner;
  }
  const lost = (calls: number): NonNullable<StandInSettings['fate']> =>
    first('RunMicrovm', ...Array.from({ length: calls }, (_, at): Fate => (at === 0 ? 'lose' : 'drop')));

  test('keeps no list from being told while its launch may be answered at this moment', () =>
    inWorld({ fate: lost(4) }, async (world) => {
      await inDoubt(world);
      const other = await world.launched();
      assert.deepEqual(await world.host.list(), [{ ...other, alive: true }]);
    }));

  test('makes the list unknown from then on, so that no place is freed, and is ended by nobody for having no name', () =>
    inWorld({ fate: lost(4) }, async (world) => {
      await inDoubt(world);
      const other = await world.launched();
      world.clock.moveOn(50_000);
      assert.equal(await world.host.list(), 'unknown');
      await world.host.terminate(other);
      assert.equal(world.alive(), 1);
      assert.equal(await world.host.list(), 'unknown');
    }));

  test('is known again by its runner, and ended with it; then the list is told', () =>
    inWorld({ fate: lost(4) }, async (world) => {
      const runner = await inDoubt(world);
      const other = await world.launched();
      world.clock.moveOn(50_000);
      const stranger = await world.host.terminate({ name: world.name(), machine: null });
      assert.equal(stranger, 'ending', 'it is not the machine of another name');
      assert.equal(world.alive(), 2);
      assert.equal(await world.host.describe({ name: runner, machine: null }), 'alive');
      assert.equal(await world.host.terminate({ name: runner, machine: null }), 'gone');
      assert.equal(world.alive(), 1);
      const list = await world.host.list();
      assert.ok(list !== 'unknown');
      assert.deepEqual(
        list.map(({ name, alive }) => [name, alive]).sort(),
        [
          [other.name, true],
          [runner, false],
        ].sort(),
      );
    }));

  test("is no more in anybody's way once it is dead", () =>
    inWorld({ fate: lost(4) }, async (world) => {
      await inDoubt(world);
      for (const vm of world.standIn.cloud.living()) world.standIn.cloud.end(vm, 'Maximum duration reached');
      await until(() => world.alive() === 0);
      world.clock.moveOn(50_000);
      assert.deepEqual(await world.host.list(), []);
    }));
});

describe('a MicroVM', { concurrency: 4 }, () => {
  const settings = (standby: MicrovmMachine['standby']) => ({ standby });

  test('that was launched this moment, and is not shown yet, is neither gone nor dead', () =>
    inWorld({ visibleAfterMs: 60_000 }, async (world) => {
      const ref = await world.launched();
      assert.equal(await world.host.describe(ref), 'absent');
      assert.equal(await world.host.terminate(ref), 'ending');
      assert.equal(await world.host.terminate({ ...ref, machine: null }), 'ending');
    }));

  test('is alive until Lambda calls it terminated', () =>
    inWorld({ endingMs: 60_000 }, async (world) => {
      const ref = await world.launched();
      const sleep = world.clock.sleep;
      world.clock.sleep = () => sleep(1);
      assert.equal(await world.host.terminate(ref), 'ending');
      assert.equal(await world.host.describe(ref), 'alive');
      assert.deepEqual(await world.host.list(), [{ ...ref, alive: true }]);
    }));

  test('that ends quickly is gone by the call that ended it', () =>
    inWorld({}, async (world) => {
      assert.equal(await world.host.terminate(await world.launched()), 'gone');
      assert.equal(world.standIn.countOf('TerminateMicrovm'), 1);
    }));

  test('is listed from all pages, and dead ones are asked for their names once', () =>
    inWorld({ pageSize: 5 }, async (world) => {
      const refs = await Promise.all(Array.from({ length: 13 }, () => world.launched()));
      await world.host.terminate(refs[0] ?? assert.fail());
      let asked = 0;
      const { namesOf } = world.names;
      world.names.namesOf = (machines) => {
        asked += machines.length;
        return namesOf(machines);
      };
      const list = await world.host.list();
      assert.ok(list !== 'unknown');
      assert.deepEqual(list.map(({ name }) => name).sort(), refs.map(({ name }) => name).sort());
      assert.equal(world.standIn.countOf('ListMicrovms'), 3);
      await world.host.list();
      assert.equal(asked, 13 + 12);
    }));

  test('is unknown, and keeps its place, where Lambda is asked too much', () =>
    inWorld(
      {
        buckets: { ListMicrovms: { burst: 0, perSecond: 0 }, GetMicrovm: { burst: 0, perSecond: 0 } },
      },
      async (world) => {
        const ref = await world.launched();
        assert.equal(await world.host.describe(ref), 'unknown');
        assert.equal(await world.host.list(), 'unknown');
      },
    ));

  test('that stands by is suspended as its pool wants it, and resumed by its activation', () =>
    inWorld({ hasSpares: true }, async (world) => {
      const { host, standIn } = world;
      const spare = await world.launched();
      const vm = standIn.cloud.vms.get(spare.machine);
      assert.ok(vm);
      await until(() => vm.state === 'RUNNING');
      assert.equal(await host.standBy(spare.machine, settings('hot'), Number.POSITIVE_INFINITY), 'waits');
      assert.equal(standIn.countOf('SuspendMicrovm'), 0);
      assert.equal(
        await host.standBy(spare.machine, settings('suspended'), Number.POSITIVE_INFINITY),
        'settling',
      );
      await until(() => vm.state === 'SUSPENDED');
      assert.equal(
        await host.standBy(spare.machine, settings('suspended'), Number.POSITIVE_INFINITY),
        'waits',
      );
      const request = world.request(world.name());
      assert.equal((await host.activate(request, spare.machine)).outcome, 'launched');
      assert.equal((await host.activate(request, spare.machine)).outcome, 'launched');
      assert.equal(vm.state, 'RUNNING');
      assert.deepEqual(world.names.rows.get(spare.machine), [request.name, spare.name]);
      assert.equal(await host.describe(spare), 'dead');
      assert.equal(await host.terminate(spare), 'gone', 'nothing of the name is left');
      assert.equal(
        await host.standBy(spare.machine, settings('suspended'), Number.POSITIVE_INFINITY),
        'notNow',
        'it works',
      );
      assert.deepEqual(await host.list(), [{ name: request.name, machine: spare.machine, alive: true }]);
      assert.equal(standIn.cloud.vms.size, 1);
    }));

  test('is not suspended after its time, when it may be at work', () =>
    inWorld({ hasSpares: true }, async (world) => {
      const spare = await world.launched();
      await until(() => world.standIn.cloud.get(spare.machine).state === 'RUNNING');
      const late = world.host.standBy(spare.machine, settings('suspended'), world.clock.now());
      assert.equal(await late, 'notNow');
      assert.equal(world.standIn.countOf('SuspendMicrovm'), 0);
    }));

  test('that is still suspending is activated a moment later', () =>
    inWorld({ suspendingMs: 60_000, hasSpares: true }, async (world) => {
      const spare = await world.launched();
      await until(() => world.standIn.cloud.get(spare.machine).state === 'RUNNING');
      await world.host.standBy(spare.machine, settings('suspended'), Number.POSITIVE_INFINITY);
      const early = await world.host.activate(world.request(world.name()), spare.machine);
      assert.ok(early.outcome === 'refused' && early.retryAfterMs !== null);
    }));

  test('whose resume was done, and whose answer was lost, is activated all the same', () =>
    inWorld({ fate: first('ResumeMicrovm', 'lose'), hasSpares: true }, async (world) => {
      const spare = await world.launched();
      const vm = world.standIn.cloud.get(spare.machine);
      await until(() => vm.state === 'RUNNING');
      await world.host.standBy(spare.machine, settings('suspended'), Number.POSITIVE_INFINITY);
      await until(() => vm.state === 'SUSPENDED');
      const request = world.request(world.name());
      // Asked again it is in conflict, as it runs.
      assert.equal((await world.host.activate(request, spare.machine)).outcome, 'launched');
      assert.equal(vm.state, 'RUNNING');
    }));

  test('that is put to work while it is told to suspend is woken, and does not freeze', () =>
    inWorld({ hasSpares: true }, async (world) => {
      const { standIn, host, names } = world;
      const spare = await world.launched();
      const vm = standIn.cloud.get(spare.machine);
      await until(() => vm.state === 'RUNNING');
      const runner = world.name();
      const { namesOf } = names;
      let looks = 0;
      names.namesOf = async (machines) => {
        looks += 1;
        // Between its first look and its call.
        if (looks === 2) await names.remember(spare.machine, runner, spare.name, world.clock.now());
        return namesOf(machines);
      };
      assert.equal(
        await host.standBy(spare.machine, settings('suspended'), Number.POSITIVE_INFINITY),
        'notNow',
      );
      assert.equal(vm.state, 'RUNNING');
      assert.equal(standIn.countOf('ResumeMicrovm'), 1);
    }));

  test('too old for a whole job is not put to work, and was said to be outdated before', () =>
    inWorld({ hasSpares: true }, async (world) => {
      const spare = await world.launched();
      const outdated = async () => {
        const list = await world.host.list();
        return list !== 'unknown' && list[0]?.outdated === true;
      };
      assert.equal(await outdated(), false);
      world.clock.moveOn(lifeSecondsMax * 1000 - hourMs - 5 * 60_000);
      assert.equal(await outdated(), true);
      const request = () => world.request(world.name(), { lifetimeMsMax: hourMs });
      world.clock.moveOn(10 * 60_000);
      const answer = await world.host.activate(request(), spare.machine);
      assert.ok(answer.outcome === 'refused' && answer.refusal === 'noCapacity');
      assert.match(answer.reason, /is ended by Lambda in \d+ s/);
      assert.deepEqual(world.names.rows.get(spare.machine), [spare.name], 'it has no other name');
    }));

  test('of another deployment is left alone, and the caller is told', () =>
    inWorld({}, async (world) => {
      const ref = await world.launched();
      const given = { clock: world.clock, random: createSeededRandom(1) };
      const stranger = createMicrovmHost(contextFor(world.standIn, { ...own, stackName: 'other', ...given }));
      await assert.rejects(stranger.terminate(ref), /stranger's and is left alone/);
      assert.deepEqual(await stranger.list(), []);
      assert.equal(world.alive(), 1);
    }));

  test('of a pool that is no longer configured is still of this host', () =>
    inWorld({}, async (world) => {
      const ref = await world.launched();
      const context = contextFor(world.standIn, {
        ...own,
        clock: world.clock,
        random: createSeededRandom(1),
        names: world.names,
      });
      const host = createMicrovmHost({ ...context, made: { ...context.made, pools: new Map() } });
      assert.deepEqual(await host.list(), [{ ...ref, alive: true }]);
      assert.equal(await host.terminate(ref), 'gone');
    }));
});

/** Conditions here come true within a tenth of a second. */
async function until(condition: () => boolean): Promise<void> {
  const { now, sleep } = createSystemClock();
  const deadline = now() + 10_000;
  while (!condition()) {
    assert.ok(now() < deadline, 'waited for long, in vain');
    await sleep(5);
  }
}
