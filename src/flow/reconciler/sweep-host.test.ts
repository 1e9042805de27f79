import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { launched, machine, marked, online, registered, startMs } from '../../../test/fixtures/items.ts';
import { hostList, know, look, reconcilerDeps, runnerOf } from '../../../test/fixtures/reconciling.ts';
import { claimedTraits, createStations, prefix, type Stations } from '../../../test/fixtures/stations.ts';
import type { MachineId, RunnerName } from '../../core/ids.ts';
import type { RunnerFact } from '../../core/runner.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import type { Host, ListedMachine } from '../../ports/host.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));
const { listStalenessMs, callEffectMs } = claimedTraits;
const marginMs = 5_000;
const standingBy = { lane: null, scope: null, counted: 'standby' as const };
const alive = (name: string, id = 'm1'): ListedMachine => ({ name, machine: machine(id), alive: true });
const dead = (name: string, id = 'm1'): ListedMachine => ({ ...alive(name, id), alive: false });

async function sweep(
  stations: Stations,
  machines: ListedMachine[] | 'unknown',
  github: Partial<GitHub> = {},
  host: Partial<Host> = {},
) {
  const ended: (MachineId | null)[] = [];
  const deps = reconcilerDeps(stations, github, {
    list: async () => machines,
    terminate: async (target) => {
      ended.push(target.machine);
      return 'ending';
    },
    ...host,
  });
  const kept = await look(deps, hostList);
  return { ended, afterMs: kept.nextAt - stations.clock.now(), calls: deps.github.calls };
}

const idOf = (fact: RunnerFact, id: string) => (fact.kind === 'launched' ? { machine: machine(id) } : {});
const stateOf = async (stations: Stations, name: RunnerName) => (await runnerOf(stations, name)).state;

describe("the host's list", () => {
  it('that has a machine dead frees its place at once', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...online);
    await sweep(stations, [dead(name)]);
    const runner = await runnerOf(stations, name);
    assert.equal(runner.state, 'gone');
    assert.equal(runner.end?.code, 'ended');
    assert.equal(stations.changes.length, 1, 'its host hears of the free place');
  });

  it('that has another machine of the name dead, or one of an order that was not launched, frees nothing', async () => {
    const stations = stationsOf();
    const running = await stations.order();
    await know(stations, running, ...online);
    const ordered = await stations.order();
    await sweep(stations, [dead(running, 'another'), dead(ordered, 'a third')]);
    assert.equal(await stateOf(stations, running), 'online');
    assert.equal(await stateOf(stations, ordered), 'ordered');
  });

  it('that shows a machine under a former name finds whose it is by its id', async () => {
    const stations = stationsOf();
    const first = await stations.order();
    await know(stations, first, ...launched);
    const spare = await stations.order({ ...standingBy, machine: machine('m1'), machineSince: startMs });
    await stations.handOver(first, spare);
    await know(stations, spare, ...launched);
    await stations.clock.advance(24 * 3_600_000);
    const { ended } = await sweep(stations, [alive(first)]);
    assert.equal(await stateOf(stations, spare), 'launched');
    assert.deepEqual(ended, [], 'it is no stray');
    await sweep(stations, [dead(first)]);
    assert.equal(await stateOf(stations, spare), 'gone');
  });

  it('renews spares of an older image one at a time, while another stands ready', async () => {
    const stations = stationsOf();
    const spares = [await stations.order(standingBy), await stations.order(standingBy)];
    const listed = spares.map((name, at) => ({ ...alive(name, `m${at}`), outdated: true }));
    const removed = async () =>
      (await Promise.all(spares.map((name) => runnerOf(stations, name)))).filter(
        (runner) => runner.removing?.code === 'outdated',
      ).length;
    for (const [at, name] of spares.entries())
      await know(stations, name, ...marked, { kind: 'launched', machine: machine(`m${at}`) });
    await sweep(stations, listed);
    assert.equal(await removed(), 0, 'what has not come to rest is not renewed');
    for (const name of spares) await know(stations, name, { kind: 'standby' }, { kind: 'rested' });
    await sweep(stations, listed);
    assert.equal(await removed(), 1);
    // Its successor is on its way: the other one stays until that stands by.
    const successor = await stations.order(standingBy);
    await sweep(stations, listed);
    assert.equal(await removed(), 1);
    await know(stations, successor, ...marked, { kind: 'launched', machine: machine('m9') });
    await know(stations, successor, { kind: 'standby' }, { kind: 'rested' });
    await sweep(stations, [...listed, alive(successor, 'm9')]);
    assert.equal(await removed(), 2);
  });

  it('that can not be had is made up for by asking for each runner by itself', async () => {
    const stations = stationsOf();
    const [ended, working, lost, young] = [
      await stations.order(),
      await stations.order(),
      await stations.order(),
      await stations.order(),
    ];
    for (const name of [ended, working]) await know(stations, name, ...launched);
    await know(stations, lost, ...marked);
    await stations.clock.advance(timing.leaseMs + callEffectMs + listStalenessMs + marginMs + 1);
    await know(stations, young, { kind: 'lease', owner: 'o', until: stations.clock.now() + 30_000 });
    await know(stations, young, { kind: 'mark', owner: 'o' });
    const states = { [ended]: 'dead', [working]: 'unknown', [lost]: 'absent', [young]: 'absent' } as const;
    await sweep(
      stations,
      'unknown',
      {},
      {
        describe: async ({ name }) => states[name] ?? 'unknown',
      },
    );
    assert.deepEqual(
      await Promise.all([ended, working, lost, young].map((name) => stateOf(stations, name))),
      ['gone', 'launched', 'gone', 'launching'],
    );
  });

  it('that can not be had as its host is out of reach holds nobody up: few are asked for by themselves, others each time', async () => {
    const stations = stationsOf();
    const count = 50;
    for (let n = 0; n < count; n += 1) await know(stations, await stations.order(), ...launched);
    const asked: RunnerName[] = [];
    const describe: Host['describe'] = async ({ name }) => {
      asked.push(name);
      await stations.clock.advance(2_000);
      throw new Error('it did not answer');
    };
    await sweep(stations, 'unknown', {}, { describe });
    assert.equal(asked.length, 5);
    for (let looks = 1; looks < 60; looks += 1) await sweep(stations, 'unknown', {}, { describe });
    assert.ok(new Set(asked).size > count * 0.9, `${new Set(asked).size} of ${count}`);
  });

  it('that lacks a launched machine proves its end when asked later than its launch and the age of a list', async () => {
    for (const [askedAt, state] of [
      [listStalenessMs + marginMs, 'launched'],
      [listStalenessMs + marginMs + 1, 'gone'],
    ] as const) {
      const stations = stationsOf();
      const name = await stations.order();
      await know(stations, name, ...launched);
      await stations.clock.advance(askedAt);
      await sweep(stations, []);
      assert.equal(await stateOf(stations, name), state);
    }
  });

  it('that lacks a machine whose launch was not answered proves its end after the last effect of the call', async () => {
    const lastEffectMs = timing.leaseMs + callEffectMs + listStalenessMs + marginMs;
    for (const [askedAt, state] of [
      [lastEffectMs, 'launching'],
      [lastEffectMs + 1, 'gone'],
    ] as const) {
      const stations = stationsOf();
      const name = await stations.order();
      await know(stations, name, ...marked);
      await stations.clock.advance(askedAt);
      await sweep(stations, []);
      assert.equal(await stateOf(stations, name), state);
    }
  });

  it('counts from when it was asked, not from when it was answered', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...launched);
    await stations.clock.advance(listStalenessMs);
    const deps = reconcilerDeps(
      stations,
      {},
      {
        list: async () => {
          await stations.clock.advance(60_000);
          return [];
        },
      },
    );
    await look(deps, hostList);
    assert.equal(await stateOf(stations, name), 'launched');
  });

  it('that has one whose boot has failed ends it at once, with the reason; one that waits has a note, once', async () => {
    const stations = stationsOf();
    const [stuck, waiting, up] = [await stations.order(), await stations.order(), await stations.order()];
    for (const [at, name] of [stuck, waiting].entries())
      await know(stations, name, ...launched.map((fact) => ({ ...fact, ...idOf(fact, `m${at}`) })));
    await know(stations, up, ...online.map((fact) => ({ ...fact, ...idOf(fact, 'm9') })));
    const quota = { happened: 'failed', cause: "the namespace's quota has no room for its pod" } as const;
    const noNode = { happened: 'waits', cause: 'no node has room for its pod' } as const;
    const machines = [
      { ...alive(stuck, 'm0'), trouble: quota },
      { ...alive(waiting, 'm1'), trouble: noNode },
      { ...alive(up, 'm9'), trouble: quota },
    ];
    for (let looks = 0; looks < 2; looks += 1) await sweep(stations, machines);
    const { removing } = await runnerOf(stations, stuck);
    assert.deepEqual([removing?.code, removing?.why], ['refused', quota.cause]);
    const { timeline, removing: goes } = await runnerOf(stations, waiting);
    assert.equal(goes, null);
    assert.deepEqual(
      timeline.filter(({ what }) => what === 'its host').map(({ why }) => why),
      [noNode.cause],
    );
    assert.equal((await runnerOf(stations, up)).removing, null, 'what has come up was told of too late');
  });

  it('that can not be told, or that lacks an order that was not launched, frees nothing', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const ordered = await stations.order();
    await know(stations, name, ...launched);
    await stations.clock.advance(24 * 3_600_000);
    assert.equal((await sweep(stations, 'unknown')).afterMs, timing.hostListMs);
    assert.equal(await stateOf(stations, name), 'launched');
    await sweep(stations, [alive(name)]);
    assert.equal(await stateOf(stations, ordered), 'ordered');
  });

  it('that has the machine of an unanswered launch alive tells its name, and it is launched', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...marked, { kind: 'removing', code: 'uncertain', why: '' });
    await sweep(stations, [alive(name, 'm9')]);
    const runner = await runnerOf(stations, name);
    assert.equal(runner.machine, 'm9');
    assert.equal(runner.state, 'launched');
    assert.equal(runner.removing, null);
  });

  it('that has one of two machines of a name alive is about the one that lives', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...marked);
    await sweep(stations, [alive(name, 'm2'), dead(name, 'm1')]);
    assert.equal(await stateOf(stations, name), 'launched');
    assert.equal((await runnerOf(stations, name)).machine, 'm2');
  });

  it("knows a machine whose activation has not taken effect by its spare's name", async () => {
    const stations = stationsOf();
    const spare = `${prefix}-one-lint-${'z'.repeat(26)}` as RunnerName;
    const activates = { spare, machine: machine('m7') };
    const name = await stations.order({ activates, machine: machine('m7') });
    await stations.clock.advance(3_600_000);
    assert.deepEqual((await sweep(stations, [alive(spare, 'm7')])).ended, []);
    assert.equal(await stateOf(stations, name), 'ordered');
    await sweep(stations, [dead(spare, 'm7')]);
    assert.equal(await stateOf(stations, name), 'gone');
  });
});

describe('a machine that lives without a live record', () => {
  async function goneRunner(stations: Stations): Promise<RunnerName> {
    const name = await stations.order();
    await know(stations, name, ...registered, { kind: 'gone', code: 'lost', why: '' });
    return name;
  }

  it('is removed at GitHub first, then ended', async () => {
    const stations = stationsOf();
    const name = await goneRunner(stations);
    const { ended, calls } = await sweep(stations, [alive(name)], { removeRunner: async () => 'removed' });
    assert.deepEqual(calls, ['removeRunner']);
    assert.deepEqual(ended, ['m1']);
    assert.equal(await stateOf(stations, name), 'gone', 'a gone runner stays gone');
  });

  it('is left alone while GitHub says that it is at work', async () => {
    const stations = stationsOf();
    const name = await goneRunner(stations);
    const { ended } = await sweep(stations, [alive(name)], { removeRunner: async () => 'busy' });
    assert.deepEqual(ended, []);
  });

  it('is ended where no record was ever kept, and never where it is a stranger, or of another host', async () => {
    const stations = stationsOf();
    const unknown = `${prefix}-one-lint-${'y'.repeat(26)}`;
    const { ended } = await sweep(stations, [
      alive(unknown, 'ours'),
      alive(`othr-one-lint-${'y'.repeat(26)}`, 'of another deployment'),
      alive('somebody', 'a stranger'),
      alive(`${prefix}-two-lint-${'y'.repeat(26)}`, 'of another host'),
      dead(`${prefix}-one-lint-${'x'.repeat(26)}`, 'dead already'),
    ]);
    assert.deepEqual(ended, ['ours']);
  });

  it('is no such machine while it goes on under the name of the runner that was activated on it', async () => {
    const stations = stationsOf();
    const spare = await stations.order({ lane: null, scope: null });
    await know(stations, spare, ...launched, { kind: 'standby' });
    const activates = { spare, machine: machine('m1') };
    const successor = await stations.order({ activates, machine: machine('m1') });
    await stations.handOver(spare, successor);
    assert.deepEqual((await sweep(stations, [alive(spare)])).ended, []);
    const lagging = { ...stations.table, runnersOfHost: async () => [] };
    assert.deepEqual((await sweep({ ...stations, table: lagging }, [alive(spare)])).ended, []);
  });

  it('is no such machine either while it goes on as the next runner but one, told of by a list that lags', async () => {
    const stations = stationsOf();
    const first = await stations.order();
    await know(stations, first, ...launched);
    const spare = await stations.order({ ...standingBy, machine: machine('m1'), machineSince: startMs });
    await stations.handOver(first, spare);
    await know(stations, spare, ...launched, { kind: 'standby' });
    const activates = { spare, machine: machine('m1') };
    const last = await stations.order({ activates, machine: machine('m1') });
    await stations.handOver(spare, last);
    const lagging = { ...stations.table, runnersOfHost: async () => [] };
    assert.deepEqual((await sweep({ ...stations, table: lagging }, [alive(first)])).ended, []);
    await know(stations, last, { kind: 'gone', code: 'ended', why: 'told by its host' });
    const github = { findRunner: async () => null };
    const { ended } = await sweep({ ...stations, table: lagging }, [alive(first)], github);
    assert.deepEqual(ended, [machine('m1')]);
  });

  it('does not keep others from their end when GitHub will not speak of it', async () => {
    const stations = stationsOf();
    const first = await goneRunner(stations);
    const second = `${prefix}-one-lint-${'y'.repeat(26)}`;
    const { ended } = await sweep(stations, [alive(first), alive(second, 'm2')], {
      removeRunner: () => Promise.reject(new GitHubError('suspended', 'gone')),
    });
    assert.deepEqual(ended, ['m2']);
  });
});

describe('a runner whose record can not be written', () => {
  it('keeps no other from being compared, and no machine without a record from its end', async () => {
    const stations = stationsOf();
    const { table } = stations;
    const [stuck, dies] = [await stations.order(), await stations.order()];
    for (const name of [stuck, dies]) await know(stations, name, ...online);
    const stray = `${prefix}-one-lint-${'y'.repeat(26)}`;
    const failing: typeof table = {
      ...table,
      recordRunner: (...given) =>
        given[0] === stuck ? Promise.reject(new Error('too large')) : table.recordRunner(...given),
    };
    const machines = [dead(stuck), dead(dies), alive(stray, 'm2')];
    const { ended } = await sweep({ ...stations, table: failing }, machines);
    assert.equal(await stateOf(stations, dies), 'gone');
    assert.deepEqual(ended, ['m2']);
  });
});

describe('the next look', () => {
  it('is a minute later', async () => {
    const stations = stationsOf();
    const { afterMs } = await sweep(stations, []);
    assert.equal(afterMs, timing.hostListMs);
    assert.equal(stations.clock.now(), startMs);
  });
});
