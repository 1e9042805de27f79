import assert from 'node:assert/strict';
import { lanePlaces } from '../core/lane-places.ts';
import type { Lane } from '../core/ledger.ts';
import type { Change, ItemKey } from './jobs-table.ts';
import type { CreateJobsTableFixture, World } from './jobs-table.world.contract.ts';
import { contractOf } from './jobs-table.world.contract.ts';
import {
  aCommit,
  aJobKey,
  aLane,
  aLedger,
  aRunner,
  aRunnerName,
  build,
  counted,
  hostA,
  hostB,
  laneOf,
  lint,
  lintLane,
  nowhere,
  routeTo,
  seen,
  startMs,
} from './testing.ts';

/** What Publishers rely on: all or nothing, on the versions that were read; and books as of one moment. */
export function commitContract(tableName: string, createFixture: CreateJobsTableFixture): void {
  const contract = contractOf(tableName, createFixture);

  contract('a commit writes the ledger, lanes, jobs and runners, each at its next version', async (world) => {
    const { table } = world;
    const job = counted(await world.job(1, seen(1)), 'fresh');
    const lane = aLane({ fresh: 1, coming: 1, oldestAt: startMs });
    const ledger = aLedger(hostA, 1, { wakeAt: startMs + 5 });
    const answer = await table.commit(
      aCommit(0, { ledger, lanes: [lane], jobs: [job], runnersNew: [aRunner(1)] }),
    );
    assert.deepEqual(answer, { outcome: 'committed' });
    assert.deepEqual(await table.readLedger(hostA), ledger);
    assert.deepEqual(await table.readLane(hostA, lintLane), lane);
    assert.deepEqual(await table.readJob(job.key), { ...job, version: 2 });
    assert.deepEqual(await table.readRunner(aRunnerName(1)), { ...aRunner(1), version: 1 });
  });

  contract('what was in the way of runners, and of a job, is kept as it was written', async (world) => {
    const { table } = world;
    const limit = { code: 'hostLimit', host: hostA, limit: 80, alive: 80, pools: [[build, 60]] } as const;
    const throttled = { code: 'throttled', host: hostA, until: startMs + 90_000 } as const;
    const episodes = [
      { what: limit, from: startMs, to: startMs + 480_000 },
      { what: throttled, from: startMs + 60_000, to: null },
    ];
    const ledger = aLedger(hostA, 1, { episodes });
    const waited = { at: startMs, what: 'waited', why: 'host hosta is at its limit', forMs: 480_000 };
    const job = counted(await world.job(1, seen(1)), 'ordered');
    const committed = { ...job, timeline: [...job.timeline, waited] };
    await table.commit(aCommit(0, { ledger, lanes: [aLane({ ordered: 1 })], jobs: [committed] }));
    assert.deepEqual(await table.readLedger(hostA), ledger);
    assert.deepEqual((await table.readJob(job.key))?.timeline, committed.timeline);
    await world.job(1, seen(1, 'in_progress'));
    const entries = (await table.readJob(job.key))?.timeline ?? [];
    assert.deepEqual(entries.slice(0, committed.timeline.length), committed.timeline);
  });

  contract(
    'a commit on a version of the ledger that has moved is lost, and nothing is written',
    async (world) => {
      const { table } = world;
      const job = await world.job(1, seen(1));
      await world.publish({});
      const before = await table.census(hostA);
      for (const version of [0, 2, 7]) {
        const commit = aCommit(version, {
          jobs: [counted(job, 'fresh')],
          lanes: [aLane({ fresh: 1 })],
          runnersNew: [aRunner(1)],
        });
        assert.deepEqual(await table.commit(commit), { outcome: 'lost' });
      }
      assert.deepEqual(await table.census(hostA), before);
      assert.deepEqual(await table.readJob(job.key), job);
      assert.equal(await table.readRunner(aRunnerName(1)), null);
    },
  );

  contract('a commit names exactly the items that have changed, and writes nothing', async (world) => {
    const { table } = world;
    const jobs = [await world.job(1, seen(1)), await world.job(2, seen(2)), await world.job(3, seen(3))];
    await world.publish({ runnersNew: [aRunner(1), aRunner(2)] });
    const runners = await Promise.all([1, 2].map((n) => table.readRunner(aRunnerName(n))));
    const read = runners.filter((runner) => runner !== null);
    await world.job(2, seen(2, 'in_progress'));
    await world.runner(aRunnerName(2), { kind: 'note', what: 'news' });
    const before = await table.census(hostA);

    const commit = aCommit(1, {
      lanes: [aLane({ fresh: 3 })],
      jobs: jobs.map((job) => counted(job, 'fresh')),
      runners: read,
      runnersNew: [aRunner(3)],
    });
    const items: ItemKey[] = [
      { kind: 'job', key: aJobKey(2) },
      { kind: 'runner', name: aRunnerName(2) },
    ];
    assert.deepEqual(sorted(await table.commit(commit)), sorted({ outcome: 'conflict', items }));
    assert.deepEqual(await table.census(hostA), before);
    assert.deepEqual(await table.readJob(aJobKey(1)), jobs[0]);
    assert.deepEqual(await table.readRunner(aRunnerName(1)), read[0]);
    assert.equal(await table.readRunner(aRunnerName(3)), null);
    assert.equal(await table.readLane(hostA, lintLane), null);
  });

  contract('a new runner that exists, and items that do not, have changed', async (world) => {
    await world.publish({ runnersNew: [aRunner(1)] });
    const job = { ...(await world.job(1, seen(1))), key: aJobKey(2) };
    const commit = aCommit(1, { runnersNew: [aRunner(1), aRunner(2)], jobs: [job], runners: [aRunner(3)] });
    const items: ItemKey[] = [
      { kind: 'job', key: aJobKey(2) },
      { kind: 'runner', name: aRunnerName(3) },
      { kind: 'runner', name: aRunnerName(1) },
    ];
    assert.deepEqual(sorted(await world.table.commit(commit)), sorted({ outcome: 'conflict', items }));
    assert.equal(await world.table.readRunner(aRunnerName(2)), null);
  });

  contract('a commit that is lost says so, though items have changed too', async (world) => {
    const job = await world.job(1, seen(1));
    await world.job(1, seen(1, 'in_progress'));
    await world.publish({});
    assert.deepEqual(await world.table.commit(aCommit(0, { jobs: [job] })), { outcome: 'lost' });
  });

  contract('a commit of 100 items is written, one of 101 is an error and writes nothing', async (world) => {
    const { table } = world;
    const runnersNew = Array.from({ length: 96 }, (_, n) => aRunner(n));
    const full = aCommit(0, { lanes: [aLane({ coming: 96 })], runnersNew });
    await assert.rejects(
      table.commit({ ...full, runnersNew: [...runnersNew, aRunner(96)] }),
      /101 items.*100/,
    );
    assert.equal(await table.readLedger(hostA), null);
    assert.equal(await table.readRunner(aRunnerName(0)), null);
    assert.deepEqual(await table.commit(full), { outcome: 'committed' });
    assert.equal((await table.census(hostA)).runners.length, 96);
  });

  contract(
    "a commit that would write another host's ledger, or no later version, is an error",
    async (world) => {
      const { table } = world;
      await assert.rejects(table.commit(aCommit(0, { ledger: aLedger(hostB, 1) })), /hostb/);
      await assert.rejects(table.commit(aCommit(3, { ledger: aLedger(hostA, 3) })), /version 3/);
      assert.equal(await table.readLedger(hostA), null);
      assert.equal(await table.readLedger(hostB), null);
    },
  );

  contract('of fifty commits that race on one version, exactly one is written', async ({ table }) => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => table.commit(aCommit(0, { runnersNew: [aRunner(n)] }))),
    );
    const winners = answers.flatMap(({ outcome }, n) => (outcome === 'committed' ? [n] : []));
    assert.equal(winners.length, 1);
    const { runners, ledger } = await table.census(hostA);
    assert.deepEqual(
      runners.map(({ name }) => name),
      winners.map((n) => aRunnerName(n)),
    );
    assert.equal(ledger?.version, 1);
  });

  contract('commits of two hosts do not hinder each other', async ({ table }) => {
    const commits = [hostA, hostB].map((host) =>
      aCommit(0, { host, lanes: [aLane({ host, fresh: 1 })], runnersNew: [aRunner(1, { host })] }),
    );
    // A table may still say `lost` where two transactions meet; it is written by the second try.
    for (const commit of commits) await Promise.all([table.commit(commit), table.commit(commit)]);
    for (const host of [hostA, hostB]) {
      const { ledger, lanes, runners } = await table.census(host);
      assert.equal(ledger?.version, 1);
      assert.deepEqual(
        [lanes, runners].flat().map((item) => item.host),
        [host, host],
      );
    }
  });

  contract('a fact that races a commit is neither lost nor taken for counted', async (world) => {
    const { table } = world;
    for (let id = 1; id <= 20; id += 1) {
      const job = await world.job(id, seen(id));
      const version = (await table.readLedger(hostA))?.version ?? 0;
      const [answer] = await Promise.all([
        table.commit(aCommit(version, { jobs: [counted(job, 'fresh')] })),
        table.recordJob(job.key, [seen(id, 'in_progress')], startMs),
      ]);
      const now = await table.readJob(job.key);
      assert.equal(now?.phase, 'in_progress');
      assert.notEqual(now?.dirty, null);
      assert.equal(now?.counted?.class ?? null, answer.outcome === 'committed' ? 'fresh' : null);
    }
  });

  contract(
    'what a commit writes is told to nobody, but for what it hands on to another host',
    async (world) => {
      const { told, eventually } = world;
      const mine = await world.job(1, seen(1));
      const theirs = await world.job(2, seen(2));
      await eventually(async () =>
        assert.equal(new Set(told.map(({ item }) => JSON.stringify(item))).size, 2),
      );
      const before = told.length;

      const handedOn = { ...counted(theirs, 'fresh'), dirty: { host: hostB, since: startMs, change: 9 } };
      await world.publish({ jobs: [counted(mine, 'fresh'), handedOn], runnersNew: [aRunner(1)] });
      const expected: Change = { host: hostB, item: { kind: 'job', key: aJobKey(2) } };
      await eventually(async () => assert.deepEqual(told.slice(before)[0], expected));
      await world.job(3, seen(3));
      await eventually(async () => {
        const last: Change = { host: hostA, item: { kind: 'job', key: aJobKey(3) } };
        assert.deepEqual(told.at(-1), last);
      });
      const items = told.slice(before).map(({ item }) => JSON.stringify(item));
      assert.deepEqual(new Set(items).size, 2, `told: ${items}`);
    },
  );

  contract(
    'lanes are replaced, and go when they are emptied, from the queue and the list too',
    async (world) => {
      const { table } = world;
      const lane = aLane({ fresh: 2, oldestAt: startMs, surplusSince: startMs });
      await world.publish({ lanes: [lane] });
      assert.deepEqual((await found(world)).queue, [lane]);
      assert.deepEqual((await found(world)).timed, [lane]);

      const level = { ...lane, coming: 2, ordered: 2, fresh: 0, surplusSince: null };
      await world.publish({ lanes: [level] });
      assert.deepEqual(await table.readLane(hostA, lane.key), level);
      assert.deepEqual(await found(world), { queue: [], timed: [] });

      await world.publish({ lanes: [lane] });
      await world.publish({ lanesEmptied: [lane] });
      assert.equal(await table.readLane(hostA, lane.key), null);
      assert.deepEqual(await found(world), { queue: [], timed: [] });
      assert.deepEqual((await table.census(hostA)).lanes, []);
    },
  );

  contract('lanes of one key at two hosts are two', async (world) => {
    const lanes = [hostA, hostB].map((host) => aLane({ host, fresh: 1, oldestAt: startMs, busy: 1 }));
    for (const lane of lanes) await world.publish({ host: lane.host, lanes: [lane] });
    await world.publish({ host: hostB, lanesEmptied: lanes.slice(1) });
    assert.deepEqual(await world.table.readLane(hostA, lintLane), lanes[0]);
    assert.equal(await world.table.readLane(hostB, lintLane), null);
    assert.deepEqual((await found(world)).queue, lanes.slice(0, 1));
    assert.deepEqual((await found(world, hostB)).queue, []);
  });

  contract(
    'the queue for places gives each pool its lanes: fewest alive, then oldest, then by key',
    async (world) => {
      const terms: [alive: number, oldestAt: number][] = [
        [2, 1],
        [10, 0],
        [0, 9],
        [0, 3],
        [2, 0],
        [0, 3],
      ];
      const lanes = terms.map(([busy, at], n) =>
        aLane({ key: laneOf(n), busy, fresh: 1, oldestAt: startMs + at }),
      );
      const level = aLane({ key: laneOf(10), fresh: 1, coming: 1, oldestAt: 0 });
      const other = aLane({ key: laneOf(1, build), pool: build, fresh: 1, oldestAt: startMs });
      await world.publish({ lanes: [...lanes, level, other] });
      const order = [3, 5, 2, 4, 0, 1].map((n) => lanes[n] as Lane);
      assert.deepEqual((await world.books({ pools: [lint] })).queue, order);
      assert.deepEqual((await world.books({ pools: [lint], queueMax: 2 })).queue, order.slice(0, 2));
      assert.deepEqual((await world.books({ pools: [build, lint], queueMax: 2 })).queue, [
        other,
        ...order.slice(0, 2),
      ]);
      assert.deepEqual((await world.books({ pools: [], queueMax: 2 })).queue, []);

      // A lane moves when nothing but its oldest job changes.
      const aged = { ...(lanes[0] as Lane), oldestAt: startMs - 1 };
      await world.publish({ lanes: [aged] });
      const moved = [3, 5, 2].map((n) => lanes[n] as Lane);
      const queue = (await world.books({ pools: [lint] })).queue;
      assert.deepEqual(queue, [...moved, aged, lanes[4], lanes[1]]);
    },
  );

  contract('the list of times gives the earliest lanes of all pools', async (world) => {
    const lost = { times: 5, to: 'another', until: startMs + 4 };
    const lanes = [
      aLane({ key: laneOf(0), coming: 1, surplusSince: startMs + 7 }),
      aLane({ key: laneOf(1), fresh: 1, lost, oldestAt: startMs }),
      aLane({ key: laneOf(2, build), pool: build, coming: 1, surplusSince: startMs + 2 }),
      aLane({ key: laneOf(3), busy: 1 }),
      aLane({ key: laneOf(4), coming: 1, surplusSince: startMs + 7 }),
    ];
    await world.publish({ lanes });
    const inList = lanes
      .filter((lane) => lanePlaces(lane).timeAt !== null)
      .sort(
        (a, b) =>
          (lanePlaces(a).timeAt ?? 0) - (lanePlaces(b).timeAt ?? 0) ||
          Number(a.key > b.key) - Number(a.key < b.key),
      );
    assert.equal(inList.length, 4);
    assert.deepEqual((await world.books()).timed, inList);
    assert.deepEqual((await world.books({ timedMax: 2 })).timed, inList.slice(0, 2));
    assert.deepEqual((await world.books({ timedMax: 0 })).timed, []);
  });

  contract('books are empty before anything happened', async ({ books }) => {
    assert.deepEqual(await books({ items: [{ kind: 'job', key: aJobKey(1) }], pools: [lint] }), {
      ledger: null,
      controls: [],
      jobs: [],
      runners: [],
      lanes: [],
      queue: [],
      timed: [],
    });
  });

  contract('books have what is asked for and what it names, each once, with its lanes', async (world) => {
    // Job 1 runs on runner 1, which was ordered for job 2; job 3 runs on a runner of the other host.
    await world.publish({
      runnersNew: [
        aRunner(1, { forJob: aJobKey(2), lane: laneOf(1), job: aJobKey(1) }),
        aRunner(2, { forJob: aJobKey(4), job: aJobKey(6), lane: laneOf(2) }),
      ],
      lanes: [1, 2, 3, 4].map((n) => aLane({ key: laneOf(n), busy: 1 })),
    });
    await world.publish({ host: hostB, runnersNew: [aRunner(3, { host: hostB, lane: laneOf(4) })] });
    const on = (n: number, host = hostA) => ({ id: n, name: aRunnerName(n, host) });
    await world.job(1, seen(1, 'in_progress', { runner: on(1), route: routeTo(laneOf(3)) }));
    await world.job(2, seen(2, 'queued', { route: nowhere }));
    await world.job(3, seen(3, 'in_progress', { runner: on(3, hostB), route: routeTo(laneOf(4), hostB) }));
    await world.job(4, seen(4));
    await world.job(5, seen(5, 'in_progress', { runner: { id: 1, name: "a stranger's" } }));
    await world.job(6, seen(6));

    const byJob = await world.books({ items: [1, 3, 5, 1].map((id) => ({ kind: 'job', key: aJobKey(id) })) });
    assert.deepEqual(ids(byJob), {
      jobs: [1, 2, 3, 5].map(aJobKey),
      runners: [aRunnerName(1)],
      lanes: [laneOf(1), laneOf(3)],
    });
    const byRunner = await world.books({
      items: [
        { kind: 'runner', name: aRunnerName(2) },
        { kind: 'runner', name: aRunnerName(9) },
        { kind: 'control', pool: lint },
      ],
    });
    assert.deepEqual(ids(byRunner), {
      jobs: [4, 6].map(aJobKey),
      runners: [aRunnerName(2)],
      lanes: [laneOf(2)],
    });
    assert.deepEqual(
      byRunner.jobs.find(({ id }) => id === 4),
      await world.table.readJob(aJobKey(4)),
    );
    assert.deepEqual(byRunner.runners, [await world.table.readRunner(aRunnerName(2))]);
  });

  contract('books have the lane in which a job is counted beside the one where it belongs', async (world) => {
    const job = counted(
      await world.job(1, seen(1, 'queued', { route: routeTo(laneOf(2)) })),
      'fresh',
      laneOf(1),
    );
    await world.publish({ jobs: [job], lanes: [1, 2, 3].map((n) => aLane({ key: laneOf(n), fresh: 1 })) });
    const books = await world.books({ items: [{ kind: 'job', key: job.key }] });
    assert.deepEqual(ids(books).lanes, [laneOf(1), laneOf(2)]);
    assert.deepEqual((await world.books({ items: [{ kind: 'job', key: job.key }] }, hostB)).lanes, []);
  });

  contract('books of many items are complete, in the order in which they were asked for', async (world) => {
    const all = Array.from({ length: 250 }, (_, i) => (i * 77) % 250);
    await Promise.all(all.map((id) => world.job(id, seen(id))));
    const books = await world.books({ items: all.map((id) => ({ kind: 'job', key: aJobKey(id) })) });
    assert.deepEqual(
      books.jobs.map(({ id }) => id),
      all,
    );
  });

  contract('a census is what a count of all that was written gives', async (world) => {
    const { table } = world;
    const classes = ['fresh', 'ordered', 'orphaned', 'held', null] as const;
    const expected = new Map<string, Record<string, number>>();
    for (let id = 1; id <= 40; id += 1) {
      const job = await world.job(id, seen(id));
      await world.publish({ jobs: [counted(job, classes[id % 5] ?? null, laneOf(id % 3))] });
    }
    // Half of them are counted again, some of them no more.
    for (let id = 1; id <= 40; id += 2) {
      const job = await table.readJob(aJobKey(id));
      if (job) await world.publish({ jobs: [counted(job, classes[(id + 3) % 5] ?? null, laneOf(id % 3))] });
    }
    for (let id = 1; id <= 40; id += 1) {
      const count = (await table.readJob(aJobKey(id)))?.counted;
      if (!count) continue;
      const counts = expected.get(count.lane) ?? { fresh: 0, ordered: 0, orphaned: 0, held: 0 };
      counts[count.class] = (counts[count.class] ?? 0) + 1;
      expected.set(count.lane, counts);
    }
    const lanes = [1, 2].map((n) => aLane({ key: laneOf(n), busy: n }));
    const runners = [
      aRunner(1),
      aRunner(2, { state: 'busy', counted: 'busy' }),
      aRunner(3, { state: 'gone', counted: 'ending' }),
    ];
    await world.publish({ lanes, runnersNew: [...runners, aRunner(4, { state: 'gone', counted: null })] });
    await world.publish({ host: hostB, runnersNew: [aRunner(5, { host: hostB })] });

    const census = await table.census(hostA);
    assert.deepEqual(census.ledger, await table.readLedger(hostA));
    assert.equal(census.version, census.ledger?.version);
    assert.deepEqual(byKey(census.lanes), lanes);
    const runnersCounted = census.runners.map(({ name }) => name).sort();
    assert.deepEqual(
      runnersCounted,
      runners.map(({ name }) => name),
    );
    if (census.jobs !== null) assert.deepEqual(new Map(census.jobs), expected);
    assert.deepEqual(await table.census('nobody' as typeof hostA), {
      version: 0,
      ledger: null,
      controls: [],
      lanes: [],
      runners: [],
      jobs: census.jobs === null ? null : new Map(),
    });
  });
}

async function found(
  world: World,
  host = hostA,
): Promise<{ queue: readonly Lane[]; timed: readonly Lane[] }> {
  const { queue, timed } = await world.books({ pools: [lint] }, host);
  return { queue, timed };
}

function ids(books: Awaited<ReturnType<World['books']>>) {
  return {
    jobs: books.jobs.map(({ key }) => key).sort(),
    runners: books.runners.map(({ name }) => name).sort(),
    lanes: books.lanes.map(({ key }) => key).sort(),
  };
}

function byKey(lanes: readonly Lane[]): Lane[] {
  return lanes.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** The order in which a conflict names its items is nobody's business. */
function sorted(answer: { outcome: string; items?: readonly ItemKey[] }) {
  return { ...answer, items: answer.items?.map((item) => JSON.stringify(item)).sort() };
}
