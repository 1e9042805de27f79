import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, hostSettings, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { keyOf, online, seen, startMs } from '../../../test/fixtures/items.ts';
import { jobOf, know } from '../../../test/fixtures/reconciling.ts';
import {
  createStations,
  hostName,
  messages,
  prefix,
  recordingTopic,
  type Stations,
  silent,
} from '../../../test/fixtures/stations.ts';
import type { Configuration } from '../../core/configuration.ts';
import type { HostName, PoolName } from '../../core/ids.ts';
import type { JobSighting } from '../../core/job.ts';
import type { Span } from '../../core/spans.ts';
import type { BudgetKey } from '../../ports/budgets.ts';
import type { ItemKey, JobsTable } from '../../ports/jobs-table.ts';
import type { Wake } from '../messenger/handler.ts';
import { type Notification, notify } from '../notification.ts';
import { createPublisher, type PublisherDeps } from './handler.ts';
import { mintBudget } from './knowledge.ts';

const configuration = configurationOf([poolSettings('lint')]);

function world(by: Configuration = configuration) {
  const stations = createStations(by);
  const timer = recordingTopic<Wake>();
  const logged: string[] = [];
  const telemetry = { ...silent, log: (_: string, message: string) => void logged.push(message) };
  const run = (
    items: readonly ItemKey[],
    change: Partial<PublisherDeps> = {},
    about: Partial<Notification> = {},
  ) =>
    createPublisher({ ...stations, prefix, timer, telemetry, timeBudgetMs: 6_000, ...change })(
      messages({ host: hostName, items, recount: false, hops: 0, ...about }),
    );
  const launches = () => stations.jobsTopic.messages.filter(({ body }) => body.status === 'launch');
  return { ...stations, timer, logged, run, launches, stations };
}

async function queued(stations: Stations, ...ids: number[]): Promise<ItemKey[]> {
  for (const id of ids) await stations.table.recordJob(keyOf(id), [seen(id)], stations.clock.now());
  return ids.map((id) => ({ kind: 'job', key: keyOf(id) }));
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const tokensLeft = async (stations: Stations, installation = 7) => {
  const { key, terms } = mintBudget(configuration, installation);
  return (await stations.budgets.reserve(key, terms, 100_000, stations.clock.now())).granted;
};

describe('the publisher', () => {
  it('counts what changed, and orders a runner once the commit stands', async () => {
    const { stations, run, launches, table } = world();
    const items = await queued(stations, 1);
    const publishedAtCommit: number[] = [];
    const watched: JobsTable = {
      ...table,
      commit: async (given) => {
        publishedAtCommit.push(launches().length);
        return table.commit(given);
      },
    };
    await run(items, { table: watched });
    assert.deepEqual(publishedAtCommit, [0], 'no order is out which the ledger does not hold');
    const [message] = launches();
    assert.deepEqual(message?.attributes, { Host: 'one', OS: 'linux', Status: 'launch' });
    const job = await jobOf(stations, 1);
    assert.equal(job.dirty, null);
    assert.equal(job.counted?.class, 'ordered');
    assert(message?.body.status === 'launch');
    assert.equal((await table.readRunner(message.body.runner))?.forJob, job.key);
  });

  it('tells the spans of a job that has ended, and forgets its steps once they are told', async () => {
    const { stations, run } = world();
    const traceparent = `00-${'a'.repeat(32)}-${'a'.repeat(16)}-01`;
    const told: string[] = [];
    const tracer = { export: (spans: readonly Span[]) => void told.push(...spans.map(({ name }) => name)) };
    const step = { name: 'make', conclusion: 'success', startedAt: startMs, completedAt: startMs + 5 };
    await stations.table.recordJob(keyOf(1), [seen(1, { traceparent })], startMs);
    const ended = {
      phase: 'completed',
      startedAt: startMs,
      completedAt: startMs + 9,
      steps: [step],
    } as const;
    await stations.table.recordJob(keyOf(1), [seen(1, { traceparent, ...ended })], startMs + 10);
    assert.deepEqual((await jobOf(stations, 1)).steps, [step], 'kept until then');
    await run([{ kind: 'job', key: keyOf(1) }], { tracer });
    for (const name of ['run', 'make']) assert.ok(told.includes(name), `${name} among ${told.join(', ')}`);
    const job = await jobOf(stations, 1);
    assert.equal(job.dirty, null);
    assert.deepEqual(job.steps, []);
  });

  it('run again with the same message changes nothing and publishes nothing', async () => {
    const { stations, run, table } = world();
    const items = await queued(stations, 1, 2);
    await run(items);
    const published = stations.jobsTopic.messages.length;
    const version = (await table.readLedger(hostName))?.version;
    await run(items);
    await run([]);
    assert.equal(stations.jobsTopic.messages.length, published);
    assert.equal((await table.readLedger(hostName))?.version, version);
    assert.deepEqual(stations.publisherTopic.messages, []);
  });

  it('side by side with another counts each job once, and keeps the limit', async () => {
    const { stations, run, launches } = world(configurationOf([poolSettings('lint', { limit: 3 })]));
    const items = await queued(stations, ...upTo(8));
    await Promise.all([run(items), run(items), run(items.slice(4))]);
    assert.equal(launches().length, 3);
    assert.equal((await stations.table.runnersOfHost(hostName)).length, 3);
  });

  it('decides again where another was faster, or an item changed while it planned', async () => {
    const { stations, run, launches, table } = world();
    const items = await queued(stations, 1);
    let commits = 0;
    const racing: JobsTable = {
      ...table,
      commit: async (given) => {
        commits += 1;
        if (commits === 1)
          await table.recordJob(keyOf(1), [seen(1, { phase: 'completed' })], stations.clock.now());
        return table.commit(given);
      },
    };
    await run(items, { table: racing });
    assert.equal(commits, 2);
    assert.equal(launches().length, 0, 'the job was cancelled');
    assert.equal((await jobOf(stations, 1)).dirty, null);
  });

  it('takes a batch of thousands in commits that fit, in one run', async () => {
    const { stations, run, launches } = world(configurationOf([poolSettings('lint', { limit: 10 })]));
    const items = await queued(stations, ...upTo(1_000));
    for (let from = 0; from < items.length; from += 100) await run(items.slice(from, from + 100));
    for (const id of [1, 500, 1_000]) assert.notEqual((await jobOf(stations, id)).counted, null);
    assert.equal(launches().length, 10);
    assert.deepEqual(stations.publisherTopic.messages, []);
  });

  it('whose orders were lost on their way leaves them to be found: they are in the table', async () => {
    const { stations, run, table } = world();
    const items = await queued(stations, 1);
    const jobsTopic = { publish: () => Promise.reject(new Error('the topic is away')) };
    assert.deepEqual(await run(items, { jobsTopic }), []);
    await stations.clock.advance(timing.outboxMs);
    assert.equal((await table.dueRunners(hostName, stations.clock.now(), 10)).length, 1);
  });

  it('that failed after a commit goes on with what it had left, and gives up after three times', async () => {
    const { stations, run, launches, table } = world(
      configurationOf([poolSettings('lint', { limit: 60 })], [hostSettings('one', { limit: 60 })]),
    );
    const items = await queued(stations, ...upTo(60));
    const jobsTopic = { publish: () => Promise.reject(new Error('the topic is away')) };
    await run(items, { jobsTopic });
    const [again] = stations.publisherTopic.messages;
    assert.ok(again, 'for what is counted and has no runner yet, nobody else would come soon');
    assert.equal(again.body.hops, 1);
    await run(again.body.items, {}, again.body);
    const ledger = await table.readLedger(hostName);
    assert.equal(ledger?.pools['lint' as PoolName]?.coming, 60);
    assert.ok(launches().length > 0);
    const told = stations.publisherTopic.messages.length;
    await run(await queued(stations, 61), { jobsTopic }, { hops: 3 });
    assert.equal(stations.publisherTopic.messages.length, told, 'what lasts is left to the Reconciler');
  });

  it('acknowledges what it could not do, and goes on with the other hosts: what is not counted stays marked', async () => {
    const { stations, run, logged, table } = world();
    const items = await queued(stations, 1);
    const failing: JobsTable = {
      ...table,
      books: async (host, request) => {
        if (host !== hostName) return table.books(host, request);
        throw new Error('the table is away');
      },
    };
    assert.deepEqual(await run(items, { table: failing }), []);
    assert.equal(logged.length, 1);
    assert.notEqual((await jobOf(stations, 1)).dirty, null);
  });
});

describe('a run that is not done', () => {
  it('when its time is over wakes itself once, with what is left', async () => {
    const { stations, run, publisherTopic, table } = world();
    const items = await queued(stations, ...upTo(90));
    const slow: JobsTable = {
      ...table,
      commit: async (given) => {
        const committed = await table.commit(given);
        await stations.clock.advance(6_000);
        return committed;
      },
    };
    await run(items, { table: slow });
    const [message, ...more] = publisherTopic.messages;
    assert.deepEqual(more, []);
    assert.equal(message?.group, 'one');
    assert.equal(message?.body.hops, 0, 'it made progress');
    assert.ok((message?.body.items.length ?? 0) > 0);
    for (const item of message?.body.items ?? []) assert(item.kind === 'job');
  });

  it('that wakes itself in vain stops after three times, and says so', async () => {
    const { stations, run, publisherTopic, logged, table } = world();
    const items = await queued(stations, 1);
    const lost: JobsTable = { ...table, commit: async () => ({ outcome: 'lost' }) };
    for (let hops = 0; hops < 3; hops += 1) {
      await run(items, { table: lost }, { hops });
      assert.equal(publisherTopic.messages.at(-1)?.body.hops, hops + 1);
    }
    await run(items, { table: lost }, { hops: 3 });
    assert.equal(publisherTopic.messages.length, 3);
    assert.match(logged.at(-1) ?? '', /in vain/);
    const ids = publisherTopic.messages.map(({ deduplicationId }) => deduplicationId);
    assert.equal(new Set(ids).size, 3, 'no queue swallows one');
  });

  it('gives up after some lost commits in a row, rather than fight on', async () => {
    const { stations, run, table } = world();
    const items = await queued(stations, 1);
    let commits = 0;
    const commit = async () => {
      commits += 1;
      return { outcome: 'lost' as const };
    };
    await run(items, { table: { ...table, commit } });
    assert.ok(commits > 1 && commits <= 12, `${commits} commits`);
  });
});

describe('time that only has to pass', () => {
  it('is waited for by one timer, not by a loop', async () => {
    const { stations, run, timer, publisherTopic, table } = world();
    await run(await queued(stations, 1));
    const [runner] = await table.runnersOfHost(hostName);
    assert(runner);
    await know(stations, runner.name, ...online);
    await table.recordJob(keyOf(1), [seen(1, { phase: 'completed' })], stations.clock.now());
    await run([{ kind: 'job', key: keyOf(1) }]);
    const at = startMs + timing.idleMs;
    assert.deepEqual(timer.messages, [{ body: { host: 'one', at }, delayMs: timing.idleMs }]);
    assert.deepEqual(publisherTopic.messages, []);
    await run([]);
    assert.equal(timer.messages.length, 1, 'it is armed already');
  });
});

describe('tokens of shared budgets', () => {
  it('that were not used go back: after a run as many are left as were not ordered for', async () => {
    const { stations, run, launches } = world(configurationOf([poolSettings('lint', { limit: 2 })]));
    const { mintBurst } = configuration.github;
    await run(await queued(stations, ...upTo(5)));
    assert.equal(launches().length, 2);
    assert.equal(await tokensLeft(stations), mintBurst - 2);
  });

  it('are spent once for an order, however often its commit is lost', async () => {
    const { stations, run, launches, table } = world();
    const items = await queued(stations, 1);
    let commits = 0;
    const losing: JobsTable = {
      ...table,
      commit: async (given) => {
        commits += 1;
        return commits < 5 ? { outcome: 'lost' } : table.commit(given);
      },
    };
    await run(items, { table: losing });
    assert.equal(launches().length, 1);
    assert.equal(await tokensLeft(stations), configuration.github.mintBurst - 1);
  });

  it('go back where the run fails', async () => {
    const { stations, run, table } = world();
    const items = await queued(stations, 1);
    const failing: JobsTable = { ...table, commit: () => Promise.reject(new Error('away')) };
    await run(items, { table: failing });
    assert.equal(await tokensLeft(stations), configuration.github.mintBurst);
  });

  it('of launches are all used, though few are saved up and each wake-up orders a few together', async () => {
    const took = await secondsToOrder({ launchBurst: 3, launchesPerSecond: 2 }, { mintBurst: 1_000 });
    assert.ok(took <= bound(3, 2) + 1, `${took} s for ${bound(3, 2)}`);
  });

  it('that go back are there for the next run, which has to wait for no more than it lacks', async () => {
    const took = await secondsToOrder({ launchBurst: 3, launchesPerSecond: 2 }, { mintBurst: 20 });
    assert.ok(took <= bound(20, 70 / 60) + 2, `${took} s for ${bound(20, 70 / 60)}`);
  });

  it('that one installation has none left keep no other from its runners, however many there are', async () => {
    const { stations, run, launches } = world(
      configurationOf([poolSettings('lint', { limit: 1, register: 'repository' })]),
    );
    const items: ItemKey[] = [];
    for (const id of upTo(12)) {
      await stations.table.recordJob(keyOf(id), [seen(id, ofInstallation(id))], stations.clock.now() + id);
      items.push({ kind: 'job', key: keyOf(id) });
    }
    const blocked = async (key: BudgetKey) => {
      if (key.kind === 'github-mint' && key.account !== '112')
        return { granted: 0, nextAt: startMs + 60_000 };
      return { granted: 1, nextAt: null };
    };
    await run(items, { budgets: { ...stations.budgets, reserve: blocked } });
    assert.equal(launches().length, 1);
  });
});

const many = 60;

function bound(burst: number, perSecond: number): number {
  return (many - burst) / perSecond;
}

/** One publisher, woken when it wants to be, until a runner is ordered for each of many jobs. */
async function secondsToOrder(
  host: Partial<Configuration['hosts'][number]>,
  github: Partial<Configuration['github']>,
): Promise<number> {
  const given = configurationOf(
    [poolSettings('lint', { limit: 2 * many })],
    [hostSettings('one', { limit: 2 * many, ...host })],
  );
  const by = { ...given, github: { ...given.github, mintsPerMinute: 70, ...github } };
  const { stations, timer, launches } = world(by);
  const publisher = createPublisher({ ...stations, prefix, timer, telemetry: silent, timeBudgetMs: 6_000 });
  let items = await queued(stations, ...upTo(many));
  for (let woken = 0; launches().length < many; woken += 1) {
    assert.ok(woken < 2 * many, `${launches().length} orders after ${woken} wake-ups`);
    await publisher(messages({ host: hostName, items, recount: false, hops: 0 }));
    items = [];
    const at = timer.messages.at(-1)?.body.at ?? 0;
    if (launches().length < many) await stations.clock.run(at);
  }
  return (stations.clock.now() - startMs) / 1_000;
}

function ofInstallation(id: number): Partial<JobSighting> {
  const scope = { owner: 'acme', repository: `app${id}`, installation: 100 + id };
  const lane = `lint#acme/app${id}#default` as never;
  return {
    installation: scope.installation,
    repository: `acme/app${id}`,
    createdAt: startMs + id,
    route: { kind: 'lane', lane, host: hostName, scope, group: 'default' },
  };
}

describe('a recount', () => {
  it('mends books that are wrong, and is made where they are of another configuration', async () => {
    const { stations, run, table } = world();
    await run(await queued(stations, 1));
    const ledger = await table.readLedger(hostName);
    assert(ledger);
    const wrong = { coming: 5, busy: 3, ending: 0, standby: 0, breaker: null, paused: false, limitNow: null };
    const pools = { lint: wrong } as unknown as typeof ledger.pools;
    await stations.commit({ ledger: { pools } });
    await run([], {}, { recount: true });
    const mended = Object.values((await table.readLedger(hostName))?.pools ?? {})[0];
    assert.deepEqual([mended?.coming, mended?.busy], [1, 0]);
    await stations.commit({ ledger: { pools, configuration: 'of yesterday' } });
    await run([]);
    const again = await table.readLedger(hostName);
    assert.equal(Object.values(again?.pools ?? {})[0]?.coming, 1);
    assert.equal(again?.configuration, configuration.version);
  });
});

describe('several messages of a host', () => {
  it('are one piece of work, and those of another host another', async () => {
    const { stations } = world();
    const two = 'two' as HostName;
    const asked: [HostName, number][] = [];
    const table: JobsTable = {
      ...stations.table,
      books: async (host, request) => {
        if (request.pools.length > 0 || host === two) asked.push([host, request.items.length]);
        return stations.table.books(host, request);
      },
    };
    const item = (id: number): ItemKey => ({ kind: 'job', key: keyOf(id) });
    const about = (host: HostName, ...ids: number[]): Notification =>
      notify({ host, items: ids.map(item), recount: false, hops: 0 }, '').body;
    const publisher = createPublisher({
      ...stations,
      table,
      prefix,
      timer: recordingTopic<Wake>(),
      telemetry: silent,
      timeBudgetMs: 6_000,
    });
    await publisher(messages(about(hostName, 1, 2), about(two, 3), about(hostName, 2)));
    assert.deepEqual(asked, [
      ['one', 2],
      ['two', 1],
    ]);
  });
});

describe('what is in use', () => {
  it('is told to the regular looks before the commit, once in ten minutes for each', async () => {
    const { stations, table } = world();
    const touched: string[] = [];
    const watched: JobsTable = {
      ...table,
      sweepSoon: async (sweep) => {
        touched.push(`${sweep.kind} ${sweep.subject}`);
        return table.sweepSoon(sweep);
      },
      commit: async (given) => {
        touched.push('commit');
        return table.commit(given);
      },
    };
    const publisher = createPublisher({
      ...stations,
      table: watched,
      prefix,
      timer: recordingTopic<Wake>(),
      telemetry: silent,
      timeBudgetMs: 6_000,
    });
    const [first, second] = await queued(stations, 1, 2);
    assert(first && second);
    await publisher(messages({ host: hostName, items: [first], recount: false, hops: 0 }));
    await publisher(messages({ host: hostName, items: [second], recount: false, hops: 0 }));
    assert.deepEqual(touched.slice(0, 2).sort(), ['queuedJobs 7:acme/app', 'runnerList 7:acme']);
    assert.deepEqual(touched.slice(2), ['commit', 'commit']);
    const sweep = await table.readSweep('runnerList', '7:acme');
    assert.equal(sweep?.nextAt, startMs + timing.runnerListMs);
    assert.equal(sweep?.touchedAt, startMs);
  });

  it('is told again after ten minutes', async () => {
    const { stations, table } = world();
    const timer = recordingTopic<Wake>();
    const publisher = createPublisher({ ...stations, prefix, timer, telemetry: silent, timeBudgetMs: 6_000 });
    const about = async (id: number) => {
      const items = await queued(stations, id);
      await publisher(messages({ host: hostName, items, recount: false, hops: 0 }));
      return (await table.readSweep('queuedJobs', '7:acme/app'))?.touchedAt;
    };
    assert.equal(await about(1), startMs);
    await stations.clock.advance(599_999);
    assert.equal(await about(2), startMs);
    await stations.clock.advance(1);
    assert.equal(await about(3), startMs + 600_000);
  });
});

describe('a runner that ends', () => {
  it('frees its place, and the next job in turn is ordered for in the same run', async () => {
    const { stations, run, launches, table } = world(configurationOf([poolSettings('lint', { limit: 1 })]));
    await run(await queued(stations, 1, 2));
    assert.equal(launches().length, 1);
    const [runner] = await table.runnersOfHost(hostName);
    assert(runner);
    await know(stations, runner.name, ...online, { kind: 'busy', job: keyOf(1), gitHubId: 5 });
    await run([{ kind: 'runner', name: runner.name }]);
    assert.equal(launches().length, 1);
    await know(stations, runner.name, { kind: 'gone', code: 'ended', why: '' });
    await run([{ kind: 'runner', name: runner.name }]);
    assert.equal(launches().length, 2);
  });
});
