import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, hostSettings, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { claimed, keyOf, seen, startMs, surplus } from '../../../test/fixtures/items.ts';
import {
  jobOf,
  know,
  reconcilerDeps,
  reportOf,
  runnerOf,
  stepsOf,
  waits,
  write,
} from '../../../test/fixtures/reconciling.ts';
import { createStations, hostName, messages, type Stations } from '../../../test/fixtures/stations.ts';
import { GitHubError } from '../../ports/github.ts';
import { createReconciler } from './handler.ts';
import type { Step } from './message.ts';
import { plantSweeps } from './sweep.ts';

const configuration = configurationOf([poolSettings('lint')]);
const stationsOf = () => createStations(configuration);
const suspended = new GitHubError('suspended', 'the installation is suspended');
const ordersOf = (stations: Stations) => stations.jobsTopic.messages.map(({ body }) => body);
const notificationsOf = (stations: Stations) => stations.publisherTopic.messages.map(({ body }) => body);

async function perform(stations: Stations, step: Step, github = {}): Promise<void> {
  await createReconciler(reconcilerDeps(stations, github)).handle(messages(step));
}

describe('launches in doubt', () => {
  it('ask their host for its list once, however many there are', async () => {
    const stations = stationsOf();
    for (let index = 0; index < 5; index += 1) {
      const name = await stations.order();
      await know(
        stations,
        name,
        { kind: 'lease', owner: 'o', until: startMs + 30_000 },
        { kind: 'mark', owner: 'o' },
      );
    }
    await stations.clock.advance(30_001);
    let lists = 0;
    const list = async () => {
      lists += 1;
      return [];
    };
    await createReconciler(reconcilerDeps(stations, {}, { list })).handle(
      messages({ step: 'runnersDue', host: hostName }),
    );
    assert.equal(lists, 1);
    assert.equal(ordersOf(stations).filter(({ status }) => status === 'terminate').length, 5);
  });
});

describe('the tick', () => {
  it('says a step for each host and each regular look that is due, and none for what is not', async () => {
    const two = createStations(
      configurationOf([poolSettings('lint')], [hostSettings('one'), hostSettings('two')]),
    );
    const deps = reconcilerDeps(two);
    await plantSweeps(deps);
    const later = { lastAt: null, touchedAt: 0, state: null };
    await two.table.sweepSoon({ ...later, kind: 'queuedJobs', subject: 'acme/app', nextAt: startMs + 1 });
    await createReconciler(deps).tick();
    const steps = stepsOf(two);
    for (const host of ['one', 'two']) {
      for (const step of ['runnersDue', 'uncounted', 'wake', 'measure'])
        assert.ok(steps.some((one) => one.step === step && 'host' in one && one.host === host));
      for (const kind of ['hostList', 'recount', 'reroute'])
        assert.ok(steps.some((one) => one.step === 'sweep' && one.kind === kind && one.subject === host));
    }
    for (const step of ['jobsDue', 'purge']) assert.ok(steps.some((one) => one.step === step));
    for (const kind of ['deliveries', 'repositories'])
      assert.ok(steps.some((one) => one.step === 'sweep' && one.kind === kind));
    assert.ok(!steps.some((one) => one.step === 'sweep' && one.kind === 'queuedJobs'));
  });

  it('begins a bounded number of look-ups of repositories, and no other look waits behind them', async () => {
    const stations = stationsOf();
    const never = { lastAt: null, touchedAt: 0, state: null };
    for (let id = 0; id < 300; id += 1)
      await stations.table.sweepSoon({
        ...never,
        kind: 'queuedJobs',
        subject: `acme/app${id}`,
        nextAt: startMs - 2,
      });
    await stations.table.sweepSoon({ ...never, kind: 'hostList', subject: hostName, nextAt: startMs - 1 });
    await createReconciler(reconcilerDeps(stations)).tick();
    const kinds = stepsOf(stations).flatMap((step) => (step.step === 'sweep' ? step.kind : []));
    assert.equal(kinds.filter((kind) => kind === 'queuedJobs').length, 50);
    assert.equal(kinds.filter((kind) => kind === 'hostList').length, 1);
  });
});

describe('a step', () => {
  it('that fails is acknowledged, and those behind it are done', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: { dueAt: startMs, purpose: 'secondOrder' } });
    const name = await stations.order();
    await stations.clock.advance(timing.outboxMs);
    const reconciler = createReconciler(
      reconcilerDeps(stations, { readJob: () => Promise.reject(suspended) }),
    );
    const outcomes = await reconciler.handle(
      messages({ step: 'jobsDue' }, { step: 'runnersDue', host: hostName }),
    );
    assert.deepEqual(outcomes, []);
    assert.deepEqual(
      ordersOf(stations).map((order) => order.status !== 'ask' && order.runner),
      [name],
    );
  });

  it('that waited for two ticks is left to the one that was said since', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await stations.clock.advance(timing.outboxMs);
    const at = stations.clock.now();
    await stations.clock.advance(2 * timing.tickMs + 1);
    await perform(stations, { step: 'runnersDue', host: hostName, at });
    assert.deepEqual(ordersOf(stations), []);
    await perform(stations, { step: 'runnersDue', host: hostName, at: stations.clock.now() - timing.tickMs });
    assert.deepEqual(
      ordersOf(stations).map((order) => order.status !== 'ask' && order.runner),
      [name],
    );
  });

  it('for many runners goes on behind one of which GitHub will not speak', async () => {
    const stations = stationsOf();
    const stuck = await stations.order();
    await know(stations, stuck, ...claimed);
    await stations.clock.advance(stations.times.bootMs);
    const other = await stations.order();
    await know(stations, other, surplus);
    await stations.clock.advance(timing.outboxMs);
    await perform(
      stations,
      { step: 'runnersDue', host: hostName },
      { findRunner: () => Promise.reject(suspended) },
    );
    assert.deepEqual(
      ordersOf(stations).map((order) => [order.status, order.status !== 'ask' && order.runner]),
      [['terminate', other]],
    );
  });

  it('for many runners is not filled by orders that wait for their turn', async () => {
    const stations = stationsOf();
    for (let made = 0; made < 150; made += 1) await stations.order();
    await stations.clock.advance(1);
    const ending = await stations.order();
    await know(stations, ending, surplus);
    await stations.clock.advance(timing.outboxMs);
    await perform(stations, { step: 'runnersDue', host: hostName });
    assert.ok(ordersOf(stations).some((order) => order.status === 'terminate' && order.runner === ending));
  });

  it('for many jobs goes on behind one that can not be asked about, and takes that one later', async () => {
    const stations = stationsOf();
    for (const id of [1, 2])
      await waits(stations, id, 'orphaned', { ask: { dueAt: startMs + id, purpose: 'secondOrder' } });
    await stations.clock.advance(10);
    const limited = new GitHubError('limited', 'rate limit', startMs + 3_600_000);
    await perform(
      stations,
      { step: 'jobsDue' },
      {
        readJob: async (_: unknown, id: number) => {
          if (id === 1) throw limited;
          return reportOf(id);
        },
      },
    );
    assert.equal((await jobOf(stations, 2)).confirmed?.purpose, 'secondOrder');
    const { ask } = await jobOf(stations, 1);
    assert.ok(ask && ask.dueAt > stations.clock.now(), 'it makes room for those behind it');
  });

  it('asks about the job of an order to ask, and about nothing else', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: { dueAt: startMs, purpose: 'secondOrder' } });
    const asked: number[] = [];
    const readJob = async (_: unknown, id: number) => {
      asked.push(id);
      return reportOf(id);
    };
    const name = await stations.order();
    await createReconciler(reconcilerDeps(stations, { readJob })).handleAsks(
      messages(
        { status: 'ask', host: hostName, os: 'linux', job: keyOf(1), purpose: 'secondOrder' } as const,
        { status: 'terminate', host: hostName, os: 'linux', runner: name } as const,
      ),
    );
    assert.deepEqual(asked, [1]);
  });
});

describe('what was lost on its way', () => {
  it('a change that nobody counted is notified again after 20 s, not before', async () => {
    const stations = stationsOf();
    await stations.table.recordJob(keyOf(1), [seen(1)], startMs);
    await stations.clock.advance(timing.uncountedMs);
    await perform(stations, { step: 'uncounted', host: hostName });
    assert.deepEqual(notificationsOf(stations), []);
    await stations.clock.advance(1);
    await perform(stations, { step: 'uncounted', host: hostName });
    assert.deepEqual(notificationsOf(stations), [
      { host: 'one', items: [{ kind: 'job', key: keyOf(1) }], recount: false, hops: 0 },
    ]);
  });

  it('two notifications of the same change are two messages, so that no queue swallows the second', async () => {
    const stations = stationsOf();
    await stations.table.recordJob(keyOf(1), [seen(1)], startMs);
    await stations.clock.advance(timing.uncountedMs + 1);
    await perform(stations, { step: 'uncounted', host: hostName });
    await perform(stations, { step: 'uncounted', host: hostName });
    const [first, second] = stations.publisherTopic.messages.map((message) => message.deduplicationId);
    assert.ok(first && second);
    assert.notEqual(first, second);
  });

  it('a timer that did not go off is made up for, and one that is not due is left alone', async () => {
    const stations = stationsOf();
    await stations.commit({ ledger: { wakeAt: startMs + 5_000 } });
    await perform(stations, { step: 'wake', host: hostName });
    assert.deepEqual(notificationsOf(stations), []);
    await stations.clock.advance(5_000);
    await perform(stations, { step: 'wake', host: hostName });
    assert.deepEqual(notificationsOf(stations), [{ host: 'one', items: [], recount: false, hops: 0 }]);
  });

  it('a host whose books are of another configuration is recounted', async () => {
    const stations = stationsOf();
    await stations.commit({ ledger: { configuration: 'of yesterday' } });
    await perform(stations, { step: 'wake', host: hostName });
    assert.deepEqual(notificationsOf(stations), [{ host: 'one', items: [], recount: true, hops: 0 }]);
  });

  it('nothing is notified for a host without books', async () => {
    const stations = stationsOf();
    await perform(stations, { step: 'wake', host: hostName });
    await perform(stations, { step: 'uncounted', host: hostName });
    assert.deepEqual(notificationsOf(stations), []);
  });
});

describe('what has ended', () => {
  it('is kept for eight days, and then goes', async () => {
    const stations = stationsOf();
    await stations.table.recordJob(keyOf(1), [seen(1, { phase: 'completed' })], startMs);
    await write(stations, 1, { dirty: null });
    await stations.clock.advance(timing.keepMs);
    await perform(stations, { step: 'purge' });
    assert.ok(await stations.table.readJob(keyOf(1)));
    await stations.clock.advance(1);
    await perform(stations, { step: 'purge' });
    assert.equal(await stations.table.readJob(keyOf(1)), null);
  });

  it('is not asked for by a runner that is gone: its deadline is over', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, { kind: 'gone', code: 'ended', why: '' });
    await stations.clock.advance(3_600_000);
    await perform(stations, { step: 'runnersDue', host: hostName });
    assert.deepEqual(ordersOf(stations), []);
    assert.equal((await runnerOf(stations, name)).state, 'gone');
  });
});
