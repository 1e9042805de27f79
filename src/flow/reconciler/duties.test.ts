import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import {
  claimed,
  launched,
  machine,
  marked,
  online,
  registered,
  startMs,
  surplus,
} from '../../../test/fixtures/items.ts';
import {
  entryOf,
  jobOf,
  know,
  lane,
  reconcilerDeps,
  reportOf,
  runnerOf,
  waits,
} from '../../../test/fixtures/reconciling.ts';
import { createStations, hostName, type Stations } from '../../../test/fixtures/stations.ts';
import type { RunnerName } from '../../core/ids.ts';
import type { Runner, RunnerFact } from '../../core/runner.ts';
import type { GitHub } from '../../ports/github.ts';
import type { Host } from '../../ports/host.ts';
import { createAsk } from './ask.ts';
import { createDuties } from './duties.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));

/** The runner after facts, its deadline looked at after a while. */
async function dutyAfter(
  facts: readonly RunnerFact[],
  afterMs: number,
  world: {
    github?: Partial<GitHub>;
    host?: Partial<Host>;
    change?: Partial<Runner>;
    stations?: Stations;
  } = {},
): Promise<{ stations: Stations; name: RunnerName; runner: Runner; orders: string[]; calls: string[] }> {
  const stations = world.stations ?? stationsOf();
  const name = await stations.order(world.change ?? {});
  await know(stations, name, ...facts);
  await stations.clock.advance(afterMs);
  const deps = reconcilerDeps(stations, world.github, world.host);
  await createDuties(deps, createAsk(deps)).runner(
    name,
    async () => (await deps.hosts.get(hostName)?.list()) ?? 'unknown',
  );
  const orders = stations.jobsTopic.messages.map(({ body }) => body.status);
  return { stations, name, runner: await runnerOf(stations, name), orders, calls: deps.github.calls };
}

describe('an order', () => {
  it('that nobody began to launch is published again after 20 s, as the queue lost it', async () => {
    assert.deepEqual((await dutyAfter([], timing.outboxMs - 1)).orders, []);
    const { orders, stations, runner } = await dutyAfter([], timing.outboxMs);
    assert.deepEqual(orders, ['launch']);
    const [message] = stations.jobsTopic.messages;
    assert.deepEqual(message?.attributes, { Host: 'one', OS: 'linux', Status: 'launch' });
    assert.ok(message?.body.status === 'launch' && message.body.launchBefore === runner.launchBefore);
  });

  it('whose launcher died before the mark is published again when its lease has ended', async () => {
    const lease: RunnerFact = { kind: 'lease', owner: 'dead', until: startMs + 30_000 };
    assert.deepEqual((await dutyAfter([lease], 29_999)).orders, []);
    assert.deepEqual((await dutyAfter([lease], 30_000)).orders, ['launch']);
  });

  it('that nobody began to launch in ten minutes is void, and its place is free', async () => {
    const { runner, orders } = await dutyAfter([], timing.orderMs);
    assert.equal(runner.state, 'gone');
    assert.equal(runner.end?.code, 'expired');
    assert.deepEqual(orders, []);
  });

  it('for a machine that stands already keeps its place when it is void, and its machine is ended', async () => {
    const activates = {
      spare: 'tst0-one-lint-00000000000000000000000000' as RunnerName,
      machine: machine('m7'),
    };
    const { runner, orders } = await dutyAfter([], timing.orderMs, {
      change: { activates, machine: machine('m7') },
    });
    assert.equal(runner.removing?.code, 'expired');
    assert.notEqual(runner.state, 'gone');
    assert.deepEqual(orders, ['terminate']);
  });
});

describe('a launch that was not answered', () => {
  const listed = (name: string, alive: boolean) => ({ name, machine: machine('m9'), alive });

  it('waits for the end of its lease', async () => {
    const { runner, calls } = await dutyAfter(marked, 29_999);
    assert.equal(runner.state, 'launching');
    assert.deepEqual(calls, []);
  });

  it('is launched where the list has its machine alive', async () => {
    const stations = stationsOf();
    const names: string[] = [];
    const { runner } = await dutyAfter(marked, 30_000, {
      stations: {
        ...stations,
        order: async (change) => {
          const name = await stations.order(change);
          names.push(name);
          return name;
        },
      },
      host: { list: async () => names.map((name) => listed(name, true)) },
    });
    assert.equal(runner.state, 'launched');
    assert.equal(runner.machine, 'm9');
    assert.equal(runner.removing, null);
  });

  it('is uncertain, and has to go, where the list has no such machine or can not tell; its place stays taken', async () => {
    for (const list of [[], 'unknown'] as const) {
      const { runner, orders } = await dutyAfter(marked, 30_000, {
        host: { list: async () => (list === 'unknown' ? list : [...list]) },
      });
      assert.equal(runner.removing?.code, 'uncertain');
      assert.equal(runner.state, 'launching');
      assert.deepEqual(orders, ['terminate']);
    }
  });
});

describe('a machine that is not online in time', () => {
  it('has to go; GitHub is asked only where it may be registered', async () => {
    for (const facts of [launched, claimed]) {
      const findRunner = async () => null;
      const early = await dutyAfter(facts, timing.bootMs - 1, { github: { findRunner } });
      assert.equal(early.runner.removing, null);
      const { runner, orders, calls } = await dutyAfter(facts, timing.bootMs, { github: { findRunner } });
      assert.equal(runner.removing?.code, 'bootDeadline');
      assert.deepEqual(orders, ['terminate']);
      assert.deepEqual(calls, facts === launched ? [] : ['findRunner']);
    }
  });

  it('stays where GitHub has it online or busy, though the list did not say so yet', async () => {
    for (const busy of [false, true]) {
      const { runner, orders } = await dutyAfter(registered, timing.bootMs, {
        github: { findRunner: async (_, name) => entryOf(name, { busy }) },
      });
      assert.equal(runner.state, busy ? 'busy' : 'online');
      assert.equal(runner.removing, null);
      assert.deepEqual(orders, []);
    }
  });

  it('has to go though GitHub knows it, if it never came online there', async () => {
    const { runner } = await dutyAfter(registered, timing.bootMs, {
      github: { findRunner: async (_, name) => entryOf(name, { status: 'offline' }) },
    });
    assert.equal(runner.removing?.code, 'bootDeadline');
  });
});

describe('a runner that idles for 90 s', () => {
  const readJob = (asked: number[]) => async (_: unknown, id: number) => {
    asked.push(id);
    return reportOf(id);
  };

  it('beside no waiting job asks nobody, and is looked at again after as long', async () => {
    const { runner, calls } = await dutyAfter(online, timing.idleBesideJobMs);
    assert.deepEqual(calls, []);
    assert.equal(runner.idleCheckedAt, startMs + timing.idleBesideJobMs);
  });

  it('beside waiting jobs asks about the oldest ones, one more than there are such runners', async () => {
    const asked: number[] = [];
    const besideJobs = async (afterMs: number) => {
      const stations = stationsOf();
      for (const id of [1, 2, 3, 4]) await waits(stations, id, 'ordered');
      await lane(stations, { ordered: 4, coming: 2 });
      await dutyAfter(online, afterMs, { github: { readJob: readJob(asked) }, stations });
      return stations;
    };
    await besideJobs(timing.idleBesideJobMs - 1);
    assert.deepEqual(asked, []);
    const stations = await besideJobs(timing.idleBesideJobMs);
    assert.deepEqual(asked, [1, 2, 3]);
    assert.equal((await jobOf(stations, 1)).confirmed?.purpose, 'idleRunner');
  });

  it('beside a job that looks as if none was ordered for it asks about that, where an order noted no job', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'fresh');
    await lane(stations, { fresh: 1, coming: 1, unnoted: 1 });
    const asked: number[] = [];
    await dutyAfter(online, timing.idleBesideJobMs, { github: { readJob: readJob(asked) }, stations });
    assert.deepEqual(asked, [1]);
  });

  it('beside the only job asks about that too, where its own job started on the runner of another', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'fresh');
    await lane(stations, { fresh: 1, coming: 1 });
    const asked: number[] = [];
    await dutyAfter(online, timing.idleBesideJobMs, { github: { readJob: readJob(asked) }, stations });
    assert.deepEqual(asked, [1]);
  });

  it('does not ask about jobs that only wait for a place', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'ordered');
    await waits(stations, 2, 'fresh');
    await lane(stations, { ordered: 1, fresh: 1, coming: 1 });
    const asked: number[] = [];
    await dutyAfter(online, timing.idleBesideJobMs, { github: { readJob: readJob(asked) }, stations });
    assert.deepEqual(asked, [1]);
  });
});

describe('a runner that GitHub called busy', () => {
  const assigned: RunnerFact[] = [...online, surplus, { kind: 'assigned' }];

  it('is left alone for three minutes', async () => {
    assert.deepEqual((await dutyAfter(assigned, timing.assignedMs - 1)).calls, []);
  });

  it('is asked about then: it has a job, it has none, or GitHub does not know it', async () => {
    const ask = (entry: ReturnType<typeof entryOf> | null) =>
      dutyAfter(assigned, timing.assignedMs, { github: { findRunner: async () => entry } });
    assert.equal((await ask(entryOf('x', { busy: true }))).runner.state, 'busy');
    const idle = (await ask(entryOf('x'))).runner;
    assert.equal(idle.state, 'assigned');
    assert.equal(idle.assignedAt, null);
    const missing = (await ask(null)).runner;
    assert.equal(missing.missing, 1);
    assert.equal(missing.removing, null, 'once is no evidence');
  });
});

describe('a busy runner', () => {
  const busy: RunnerFact[] = [...online, { kind: 'busy', job: null, gitHubId: 5 }];

  it("is stopped at its pool's longest job time, and not before", async () => {
    const stations = stationsOf();
    const { jobMsMax } = stations.times;
    assert.equal((await dutyAfter(busy, jobMsMax - 1)).runner.removing, null);
    const { runner, orders } = await dutyAfter(busy, jobMsMax);
    assert.equal(runner.removing?.code, 'jobTime');
    assert.deepEqual(orders, ['terminate']);
  });

  it('whose job is done has the grace of its host to end by itself', async () => {
    const done: RunnerFact[] = [...busy, { kind: 'done', job: null }];
    assert.deepEqual((await dutyAfter(done, 9_999)).orders, []);
    assert.deepEqual((await dutyAfter(done, 10_000)).orders, ['terminate']);
  });
});

describe('a runner that has to go', () => {
  it('is told to end again after 20 s where that was lost, then each minute until it is gone', async () => {
    assert.deepEqual((await dutyAfter([...launched, surplus], timing.outboxMs - 1)).orders, []);
    assert.deepEqual((await dutyAfter([...launched, surplus], timing.outboxMs)).orders, ['terminate']);
    const told: RunnerFact[] = [...launched, surplus, { kind: 'terminated' }];
    assert.deepEqual((await dutyAfter(told, 59_999)).orders, []);
    assert.deepEqual((await dutyAfter(told, 60_000)).orders, ['terminate']);
  });
});

describe('a runner whose pool is no longer configured', () => {
  it('is ended by whoever ends machines of its host', async () => {
    const stations = createStations(configurationOf([poolSettings('ios', { os: 'macos' })]));
    await dutyAfter([...launched, surplus], timing.outboxMs, { stations });
    const [{ body, attributes } = { body: null, attributes: null }] = stations.jobsTopic.messages;
    assert.equal(body?.status, 'terminate');
    assert.deepEqual(attributes, { Host: hostName, OS: 'macos', Status: 'terminate' });
  });
});

describe('a spare', () => {
  const spare = { lane: null, scope: null, counted: 'standby' as const };

  it('that does not come up in time has to go', async () => {
    const { runner, calls } = await dutyAfter(launched, timing.bootMs, { change: spare });
    assert.equal(runner.removing?.code, 'bootDeadline');
    assert.deepEqual(calls, []);
  });

  it('that stands by and is not at rest is told so again, and given up after twenty minutes', async () => {
    const standing: RunnerFact[] = [...launched, { kind: 'standby' }];
    assert.deepEqual((await dutyAfter(standing, timing.outboxMs - 1, { change: spare })).orders, []);
    const again = await dutyAfter(standing, timing.outboxMs, { change: spare });
    assert.deepEqual(again.orders, ['standBy']);
    assert.equal(again.runner.restAskedAt, null, 'who asks its host writes that down');
    const restMs = 20 * 60_000;
    const asked: RunnerFact = { kind: 'restAsked', leaseMs: 1 };
    const { name, stations } = await dutyAfter(standing, restMs - timing.outboxMs, { change: spare });
    await know(stations, name, asked);
    await stations.clock.advance(timing.outboxMs);
    const deps = reconcilerDeps(stations);
    await createDuties(deps, createAsk(deps)).runner(name, async () => 'unknown');
    assert.equal((await runnerOf(stations, name)).removing?.code, 'bootDeadline');
  });

  it('on a machine that has worked goes when its time is over, however long it stood by', async () => {
    const standing: RunnerFact[] = [...launched, { kind: 'standby' }, { kind: 'rested' }];
    const hourMs = 3_600_000;
    const change = { ...spare, machineSince: startMs - 2 * hourMs };
    const stations = stationsOf();
    Object.assign(stations.times, { reuseMs: 3 * hourMs });
    assert.equal((await dutyAfter(standing, hourMs - 1, { change, stations })).runner.removing, null);
    const late = stationsOf();
    Object.assign(late.times, { reuseMs: 3 * hourMs });
    assert.equal(
      (await dutyAfter(standing, hourMs, { change, stations: late })).runner.removing?.code,
      'surplus',
    );
  });

  it('that stood by for a day is renewed', async () => {
    const standing: RunnerFact[] = [...launched, { kind: 'standby' }, { kind: 'rested' }];
    const hourMs = 3_600_000;
    assert.equal((await dutyAfter(standing, 20 * hourMs - 1, { change: spare })).runner.removing, null);
    assert.equal(
      (await dutyAfter(standing, 24 * hourMs, { change: spare })).runner.removing?.code,
      'outdated',
    );
  });
});

describe('a job whose deadline passed', () => {
  async function jobDuty(stations: Stations, id: number, github: Partial<GitHub> = {}): Promise<string[]> {
    const deps = reconcilerDeps(stations, github);
    await createDuties(deps, createAsk(deps)).job((await jobOf(stations, id)).key);
    return deps.github.calls;
  }

  it('is asked about, for the purpose that the ask was made for', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: { dueAt: startMs + 5, purpose: 'secondOrder' } });
    assert.deepEqual(await jobDuty(stations, 1), []);
    await stations.clock.advance(5);
    assert.deepEqual(await jobDuty(stations, 1, { readJob: async () => reportOf(1) }), ['readJob']);
    assert.equal((await jobOf(stations, 1)).confirmed?.purpose, 'secondOrder');
  });

  it('is looked at again when its hold is over', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'held', { held: { until: startMs + 60_000, times: 1, cause: '' } });
    await stations.clock.advance(59_999);
    await jobDuty(stations, 1);
    assert.equal((await jobOf(stations, 1)).dirty, null);
    await stations.clock.advance(1);
    assert.deepEqual(await jobDuty(stations, 1), []);
    assert.ok((await jobOf(stations, 1)).dirty);
  });

  it('waits for 24 hours at GitHub, and then it is asked what became of it', async () => {
    const stations = stationsOf();
    await waits(stations, 1);
    await stations.clock.advance(24 * 3_600_000);
    assert.deepEqual(await jobDuty(stations, 1), []);
    await stations.clock.advance(5 * 60_000);
    await jobDuty(stations, 1, { readJob: async () => null });
    assert.equal((await jobOf(stations, 1)).phase, 'completed');
  });
});
