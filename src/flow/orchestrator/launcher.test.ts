import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import {
  claimedTraits,
  createStations,
  hostName,
  launchOrder,
  machine,
  messages,
  prefix,
  type Stations,
  scripted,
  silent,
} from '../../../test/fixtures/stations.ts';
import type { RunnerName } from '../../core/ids.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import type { Host, LaunchRequest, StandByAnswer } from '../../ports/host.ts';
import { createLauncher, type LauncherDeps } from './launcher.ts';

const handedOver = { ...claimedTraits, configuration: 'handedOver' as const };

function launcherOf(
  stations: Stations,
  host: Partial<Host>,
  github: Partial<GitHub> = {},
  change: Partial<LauncherDeps> = {},
) {
  return createLauncher({
    ...stations,
    hostName,
    prefix,
    timing,
    telemetry: silent,
    claimUrl: 'http://here/runners/claim',
    host: scripted<Host>('host', { traits: claimedTraits, ...host }),
    github: scripted<GitHub>('github', github),
    machineOf: () => ({ machine: {}, lifetimeMsMax: 1_000 }),
    ...change,
  });
}

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));
const soon = (stations: Stations) => stations.clock.now() + 600_000;

describe('a spare that stands by', () => {
  const standing = async (stations: Stations) => {
    const name = await stations.order({ lane: null, scope: null, counted: 'standby' });
    const now = stations.clock.now();
    await stations.table.recordRunner(
      name,
      [
        { kind: 'lease', owner: 'o', until: now + 30_000 },
        { kind: 'mark', owner: 'o' },
        { kind: 'launched', machine: machine('m1') },
        { kind: 'standby' },
      ],
      now,
    );
    return name;
  };
  const order = (runner: RunnerName) => ({ status: 'standBy', host: hostName, os: 'linux', runner }) as const;

  it('is put to rest by its host, asked again until it is', async () => {
    const stations = stationsOf();
    const name = await standing(stations);
    const answers: StandByAnswer[] = ['notNow', 'settling', 'waits'];
    const asked: unknown[] = [];
    const launcher = launcherOf(
      stations,
      {
        standBy: async (spare, settings) => {
          asked.push([spare, settings]);
          return answers.shift() ?? 'waits';
        },
      },
      {},
      { machineOf: () => ({ machine: { standby: 'stopped' }, lifetimeMsMax: 1 }) },
    );
    for (const outcome of ['retry', 'retry', 'done'] as const) {
      assert.equal((await stations.table.readRunner(name))?.restedAt, null);
      const [told] = await launcher(messages(order(name)));
      const again = await launcher(messages(order(name)));
      assert.deepEqual(again, [{ id: '1', outcome: 'done' }], 'one run asks at a time');
      if (told?.outcome === 'retry') await stations.clock.advance(told.delayMs ?? 0);
      assert.equal(told?.outcome, outcome);
    }
    assert.equal((await stations.table.readRunner(name))?.restedAt, stations.clock.now());
    assert.deepEqual(asked[0], ['m1', { standby: 'stopped' }]);
    await launcher(messages(order(name)));
    assert.equal(asked.length, 3, 'at rest, nothing is asked');
  });

  it('is left alone where it was chosen, or is to go', async () => {
    const stations = stationsOf();
    const name = await standing(stations);
    const gone = { kind: 'removing', code: 'surplus', why: '' } as const;
    await stations.table.recordRunner(name, [gone], stations.clock.now());
    const launcher = launcherOf(stations, { standBy: () => assert.fail('it is on its way out') });
    assert.deepEqual(await launcher(messages(order(name))), [{ id: '1', outcome: 'done' }]);
  });

  it('is at rest at once on a host whose machines stay as they are', async () => {
    const stations = stationsOf();
    const name = await standing(stations);
    const plain = { traits: claimedTraits } as Host;
    const launcher = launcherOf(stations, {}, {}, { host: plain });
    await launcher(messages(order(name)));
    assert.equal((await stations.table.readRunner(name))?.restedAt, stations.clock.now());
  });
});

describe('the launcher', () => {
  it('marks the order before it calls the host, and stores the machine', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const seen: LaunchRequest[] = [];
    const launcher = launcherOf(stations, {
      launch: async (request) => {
        seen.push(request);
        assert.equal((await stations.table.readRunner(name))?.state, 'launching');
        return { outcome: 'launched', machine: machine('m1') };
      },
    });
    const outcomes = await launcher(messages(launchOrder(name, soon(stations))));
    assert.deepEqual(outcomes, [{ id: '1', outcome: 'done' }]);
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.state, 'launched');
    assert.equal(runner?.machine, 'm1');
    assert.equal(seen.length, 1);
    assert.equal(seen[0]?.configuration.kind, 'claimed');
  });

  it('calls the host once when the order comes twice, side by side', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    let calls = 0;
    const launch = async () => {
      calls += 1;
      return { outcome: 'launched' as const, machine: machine('m1') };
    };
    const order = launchOrder(name, soon(stations));
    await Promise.all([
      launcherOf(stations, { launch })(messages(order)),
      launcherOf(stations, { launch })(messages(order, order)),
    ]);
    assert.equal(calls, 1);
  });

  it('launches nothing that is being removed, or whose time is over', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await stations.table.recordRunner(
      name,
      [{ kind: 'removing', code: 'surplus', why: '' }],
      stations.clock.now(),
    );
    const late = await stations.order();
    const outcomes = await launcherOf(
      stations,
      {},
    )(messages(launchOrder(name, soon(stations)), launchOrder(late, stations.clock.now())));
    assert.deepEqual(
      outcomes.map((one) => one.outcome),
      ['done', 'done'],
    );
    assert.equal((await stations.table.readRunner(late))?.state, 'ordered');
  });

  it('never calls the host when its lease is over, however late this run wakes up after the mark', async () => {
    for (const traits of [claimedTraits, handedOver]) {
      const stations = stationsOf();
      const name = await stations.order();
      const { table } = stations;
      const stalling: typeof table = {
        ...table,
        recordRunner: async (...args) => {
          const recorded = await table.recordRunner(...args);
          const isMark = args[1].some((fact) => fact.kind === 'mark');
          if (isMark) await stations.clock.advance(timing.leaseMs);
          return recorded;
        },
      };
      let calls = 0;
      const launch = async () => {
        calls += 1;
        return { outcome: 'launched' as const, machine: machine('m1') };
      };
      const launcher = launcherOf(
        { ...stations, table: stalling },
        { traits, launch },
        { mintRunner: async () => ({ outcome: 'minted', runnerId: 12, jitConfig: 'secret' }) },
      );
      await launcher(messages(launchOrder(name, soon(stations))));
      assert.equal(calls, 0);
      assert.equal((await table.readRunner(name))?.state, 'launching', 'in doubt, for others to resolve');
    }
  });

  it('leaves a call that was not answered in doubt: marked, with its place', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await launcherOf(stations, { launch: () => Promise.reject(new Error('timed out')) })(
      messages(launchOrder(name, soon(stations))),
    );
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.state, 'launching');
    assert.equal(runner?.removing, null);
    // The same order again: never a second call while the first is in doubt.
    await launcherOf(stations, {})(messages(launchOrder(name, soon(stations))));
  });

  it('leaves an order of a pool that it does not know yet as it is: its configuration is still the old one', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const { table } = stations;
    const known = await table.readRunner(name);
    assert.ok(known);
    const order = launchOrder(name, soon(stations));
    const launcher = launcherOf(stations, {}, {}, { machineOf: () => null });
    for (const body of [order, { ...order, known }]) {
      const outcomes = await launcher(messages(body));
      assert.deepEqual(outcomes, [{ id: '1', outcome: 'retry', delayMs: 20_000 }]);
      const runner = await table.readRunner(name);
      assert.equal(runner?.state, 'ordered', 'no evidence against the pool');
      assert.equal(runner?.lease, null);
    }
  });

  it('tries the next attempt only after a definite refusal, then frees the place', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const attempts: number[] = [];
    const launcher = launcherOf(stations, {
      launch: async ({ attempt }) => {
        attempts.push(attempt);
        return {
          outcome: 'refused',
          refusal: 'noCapacity',
          reason: 'none left',
          retryAfterMs: attempt < 3 ? 0 : null,
        };
      },
    });
    await launcher(messages(launchOrder(name, soon(stations))));
    assert.deepEqual(attempts, [1, 2, 3]);
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.state, 'gone');
    assert.equal(runner?.end?.code, 'refused');
    assert.deepEqual(
      stations.changes.map(({ item }) => item),
      [{ kind: 'runner', name }],
    );
  });

  it('mints before the mark for a host that is handed the configuration', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const launcher = launcherOf(
      stations,
      {
        traits: handedOver,
        launch: async ({ configuration }) => {
          assert.deepEqual(configuration, { kind: 'handedOver', jitConfig: 'secret' });
          return { outcome: 'launched', machine: machine('m1') };
        },
      },
      { mintRunner: async () => ({ outcome: 'minted', runnerId: 12, jitConfig: 'secret' }) },
    );
    await launcher(messages(launchOrder(name, soon(stations))));
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.gitHubId, 12);
    assert.ok(!JSON.stringify(runner).includes('secret'), 'the configuration is never stored');
  });

  it('gives up its lease at GitHub limits, and comes back when GitHub says', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const limited = new GitHubError('limited', 'secondary limit', stations.clock.now() + 42_000);
    const launcher = launcherOf(
      stations,
      { traits: handedOver },
      { mintRunner: () => Promise.reject(limited) },
    );
    assert.deepEqual(await launcher(messages(launchOrder(name, soon(stations)))), [
      { id: '1', outcome: 'retry', delayMs: 42_000 },
    ]);
    const { lease } = (await stations.table.readRunner(name)) ?? {};
    assert.equal(lease?.until, stations.clock.now() + 42_000, 'nobody else asks before');
  });

  it('frees a name whose answer was lost, and mints again: one runner', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    let minted = 0;
    const removed: number[] = [];
    const launcher = launcherOf(
      stations,
      { traits: handedOver, launch: async () => ({ outcome: 'launched', machine: machine('m1') }) },
      {
        mintRunner: async () => {
          minted += 1;
          return minted === 1 ? { outcome: 'nameTaken' } : { outcome: 'minted', runnerId: 2, jitConfig: 'c' };
        },
        findRunner: async () => ({ id: 1, name, status: 'offline', busy: false, version: null }),
        removeRunner: async (_scope, id) => {
          removed.push(id);
          return 'removed';
        },
      },
    );
    await launcher(messages(launchOrder(name, soon(stations))));
    assert.deepEqual(removed, [1]);
    assert.equal((await stations.table.readRunner(name))?.gitHubId, 2);
  });

  it('removes what it minted when the runner is no longer wanted, and launches nothing', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const removed: number[] = [];
    const launcher = launcherOf(
      stations,
      { traits: handedOver },
      {
        mintRunner: async () => {
          await stations.table.recordRunner(
            name,
            [{ kind: 'removing', code: 'surplus', why: '' }],
            stations.clock.now(),
          );
          return { outcome: 'minted', runnerId: 3, jitConfig: 'c' };
        },
        removeRunner: async (_scope, id) => {
          removed.push(id);
          return 'removed';
        },
      },
    );
    await launcher(messages(launchOrder(name, soon(stations))));
    assert.deepEqual(removed, [3]);
    assert.equal((await stations.table.readRunner(name))?.state, 'ordered');
  });

  it('says why GitHub refuses to register such a runner, and frees the place', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const launcher = launcherOf(
      stations,
      { traits: handedOver },
      { mintRunner: async () => ({ outcome: 'refused', reason: 'no runner group "ios"' }) },
    );
    await launcher(messages(launchOrder(name, soon(stations))));
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.state, 'gone');
    assert.deepEqual(runner?.end, { code: 'mintRefused', why: 'GitHub: no runner group "ios"' });
  });
});
