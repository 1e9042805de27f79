import assert from 'node:assert/strict';
import { type Lane, noPoolCounts } from '../core/ledger.ts';
import type { Runner } from '../core/runner.ts';
import type { Deployment, ItemKey, Sweep } from './jobs-table.ts';
import type { CreateJobsTableFixture, World } from './jobs-table.world.contract.ts';
import { contractOf } from './jobs-table.world.contract.ts';
import {
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

/** What is found without its key: by indexes that may lag, by the times at which something is due. */
export function lookUpContract(tableName: string, createFixture: CreateJobsTableFixture): void {
  const contract = contractOf(tableName, createFixture);

  contract(
    'the jobs of a lane and class come oldest first, and leave when they are counted otherwise',
    async (world) => {
      const { table, eventually } = world;
      const ages = [30, 10, 20, 10, 40];
      for (const [n, age] of ages.entries())
        await world.job(n, seen(n, 'queued', { createdAt: startMs + age }));
      await count(world, [0, 1, 2, 3], 'fresh');
      await count(world, [4], 'ordered');
      await count(world, [5], 'fresh', laneOf(5));
      const idsOf = async (limit: number, jobClass: 'fresh' | 'ordered' = 'fresh') =>
        (await table.jobsOfLane(lintLane, jobClass, limit)).map(({ id }) => id);
      await eventually(async () => assert.deepEqual(await idsOf(10), [1, 3, 2, 0]));
      await eventually(async () => assert.deepEqual(await idsOf(10, 'ordered'), [4]));
      assert.deepEqual(await idsOf(2), [1, 3]);
      assert.deepEqual((await table.jobsOfLane(lintLane, 'fresh', 1))[0], await table.readJob(aJobKey(1)));

      await count(world, [1], 'ordered');
      await count(world, [2], null);
      await eventually(async () => assert.deepEqual(await idsOf(10), [3, 0]));
      await eventually(async () => assert.deepEqual(await idsOf(10, 'ordered'), [1, 4]));
    },
  );

  contract('an index shows a job as it is after its latest fact', async (world) => {
    const { table, eventually } = world;
    await world.job(1, seen(1));
    await count(world, [1], 'fresh');
    await eventually(async () => assert.equal((await table.jobsOfLane(lintLane, 'fresh', 1)).length, 1));
    const job = await world.job(1, seen(1, 'in_progress'));
    await eventually(async () => assert.deepEqual(await table.jobsOfLane(lintLane, 'fresh', 1), [job]));
  });

  contract(
    'queued jobs that belong nowhere come by key, page by page, until they are routed',
    async (world) => {
      const { table, eventually } = world;
      for (const id of [5, 1, 3]) await world.job(id, seen(id, 'queued', { route: nowhere }));
      await world.job(2, seen(2));
      await world.job(4, seen(4, 'in_progress', { route: nowhere }));
      const idsOf = async (after: number | null, limit: number) =>
        (await table.jobsRefused(after === null ? null : aJobKey(after), limit)).map(({ id }) => id);
      await eventually(async () => assert.deepEqual(await idsOf(null, 10), [1, 3, 5]));
      assert.deepEqual(await idsOf(null, 2), [1, 3]);
      assert.deepEqual(await idsOf(3, 2), [5]);
      assert.deepEqual(await idsOf(4, 2), [5]);
      assert.deepEqual(await idsOf(5, 2), []);
      await world.job(3, { kind: 'rerouted', route: routeTo() });
      await world.job(5, seen(5, 'completed', { route: nowhere }));
      await eventually(async () => assert.deepEqual(await idsOf(null, 10), [1]));
    },
  );

  contract('the counted jobs of a host come by key, page by page', async (world) => {
    const { table, eventually } = world;
    for (const id of [1, 2, 3, 4]) await world.job(id, seen(id));
    await world.job(9, seen(9, 'queued', { route: routeTo(laneOf(9), hostB) }));
    await count(world, [3, 1, 2], 'fresh');
    await count(world, [9], 'fresh', laneOf(9), hostB);
    const idsOf = async (after: number | null, limit: number, host = hostA) =>
      (await table.jobsCounted(host, after === null ? null : aJobKey(after), limit)).map(({ id }) => id);
    await eventually(async () => assert.deepEqual(await idsOf(null, 10), [1, 2, 3]));
    await eventually(async () => assert.deepEqual(await idsOf(null, 10, hostB), [9]));
    assert.deepEqual(await idsOf(1, 1), [2]);
    assert.deepEqual(await idsOf(3, 1), []);
    await count(world, [2], null);
    await eventually(async () => assert.deepEqual(await idsOf(null, 10), [1, 3]));
  });

  contract(
    'the runners of a lane come unlaunched first, then the longest online, then the rest',
    async (world) => {
      const { table, eventually, publish } = world;
      const marked = { markedAt: startMs, state: 'launched' } as const;
      await publish({
        runnersNew: [
          aRunner(1, marked),
          aRunner(2, { ...marked, state: 'online', onlineAt: startMs + 9 }),
          aRunner(3, { orderedAt: startMs + 3 }),
          aRunner(4, { ...marked, state: 'online', onlineAt: startMs + 5 }),
          aRunner(5, { orderedAt: startMs + 1 }),
          aRunner(6, { ...marked, state: 'busy', onlineAt: startMs, counted: 'busy' }),
          aRunner(7, { lane: laneOf(7) }),
        ],
      });
      const numbersOf = async (limit: number) =>
        (await table.runnersOfLane(hostA, lintLane, 'coming', limit)).map(number);
      await eventually(async () => assert.deepEqual(await numbersOf(10), [5, 3, 4, 2, 1]));
      assert.deepEqual(await numbersOf(3), [5, 3, 4]);
      assert.deepEqual(await table.runnersOfLane(hostB, lintLane, 'coming', 10), []);

      await world.runner(aRunnerName(1), { kind: 'online', gitHubId: 1 });
      await eventually(async () => assert.deepEqual(await numbersOf(10), [5, 3, 1, 4, 2]));
      const runner = await table.readRunner(aRunnerName(5));
      await publish({ runners: runner ? [{ ...runner, counted: 'ending' }] : [] });
      await eventually(async () => assert.deepEqual(await numbersOf(10), [3, 1, 4, 2]));
    },
  );

  contract('the spares of a pool come ready first', async (world) => {
    const { table, eventually, publish } = world;
    const spare = { lane: null, scope: null, counted: 'standby', markedAt: startMs } as const;
    const ready = { ...spare, state: 'standby', restedAt: startMs + 9 } as const;
    await publish({
      runnersNew: [
        aRunner(1, { ...spare, state: 'launching' }),
        aRunner(2, { ...ready, standbyAt: startMs + 5 }),
        aRunner(3, { ...ready, standbyAt: startMs + 4 }),
        aRunner(4, {
          ...ready,
          standbyAt: startMs,
          removing: { code: 'poolGone', at: startMs, why: 'gone' },
        }),
        aRunner(5),
        aRunner(6, { ...ready, pool: build, standbyAt: startMs }),
        aRunner(7, { ...ready, counted: 'ending' }),
        // Standing by, and not at rest yet.
        aRunner(8, { ...ready, standbyAt: startMs, restedAt: null }),
      ],
    });
    const numbersOf = async (limit: number) =>
      (await table.runnersStandingBy(hostA, lint, limit)).map(number);
    await eventually(async () => assert.deepEqual(await numbersOf(2), [3, 2]));
    await eventually(async () => assert.deepEqual((await numbersOf(10)).sort(), [1, 2, 3, 4, 8]));
    await world.runner(aRunnerName(3), { kind: 'gone', code: 'lost', why: 'no longer there' });
    const gone = await table.readRunner(aRunnerName(3));
    await publish({ runners: gone ? [{ ...gone, counted: null, dirty: null }] : [] });
    await eventually(async () => assert.deepEqual((await numbersOf(10)).sort(), [1, 2, 4, 8]));
  });

  contract('all runners of a host are found that are not gone', async (world) => {
    const { table, eventually, publish } = world;
    await publish({ runnersNew: [1, 2, 3].map((n) => aRunner(n)) });
    await publish({ host: hostB, runnersNew: [aRunner(4, { host: hostB })] });
    const numbersOf = async () => (await table.runnersOfHost(hostA)).map(number).sort();
    await eventually(async () => assert.deepEqual(await numbersOf(), [1, 2, 3]));
    await world.runner(aRunnerName(2), { kind: 'gone', code: 'lost', why: 'no longer there' });
    await eventually(async () => assert.deepEqual(await numbersOf(), [1, 3]));
  });

  contract('the lanes in which jobs wait come by the age that their oldest may have', async (world) => {
    const { table, eventually, publish } = world;
    const lane = (n: number, given: Partial<Lane>) => aLane({ key: laneOf(n), ...given });
    await publish({
      lanes: [
        lane(1, { fresh: 2, oldestAt: startMs + 20 }),
        lane(2, { orphaned: 1, coming: 1, oldestAt: startMs + 10 }),
        lane(3, { busy: 3 }),
        lane(4, { held: 1 }),
        lane(5, { ordered: 1, held: 4, coming: 1, oldestAt: startMs + 30 }),
      ],
    });
    await publish({ host: hostB, lanes: [lane(6, { host: hostB, fresh: 1, oldestAt: startMs })] });
    const keysOf = async (limit: number) => (await table.lanesWaiting(hostA, limit)).map(({ key }) => key);
    await eventually(async () =>
      assert.deepEqual(
        await keysOf(10),
        [2, 1, 5, 4].map((n) => laneOf(n)),
      ),
    );
    assert.deepEqual(await keysOf(2), [laneOf(2), laneOf(1)]);
    assert.deepEqual((await table.lanesWaiting(hostA, 1))[0], await table.readLane(hostA, laneOf(2)));
    await publish({ lanes: [lane(2, { busy: 1 })], lanesEmptied: [lane(5, {})] });
    await eventually(async () =>
      assert.deepEqual(
        await keysOf(10),
        [1, 4].map((n) => laneOf(n)),
      ),
    );
  });

  contract('what is not counted for a while is found, oldest first, until it is counted', async (world) => {
    const { table, eventually, publish } = world;
    const job = await world.job(1, seen(1));
    await publish({ runnersNew: [aRunner(1)] });
    await table.recordRunner(aRunnerName(1), [{ kind: 'busy', job: null, gitHubId: 1 }], startMs - 5);
    await table.recordJob(aJobKey(2), [seen(2)], startMs + 100);
    await table.recordJob(aJobKey(3), [seen(3, 'queued', { route: routeTo(laneOf(3), hostB) })], startMs - 9);
    const items: ItemKey[] = [
      { kind: 'runner', name: aRunnerName(1) },
      { kind: 'job', key: aJobKey(1) },
      { kind: 'job', key: aJobKey(2) },
    ];
    await eventually(async () => assert.deepEqual(await table.uncounted(hostA, startMs + 101, 10), items));
    assert.deepEqual(await table.uncounted(hostA, startMs + 100, 10), items.slice(0, 2));
    assert.deepEqual(await table.uncounted(hostA, startMs + 101, 1), items.slice(0, 1));

    // A later change does not make it younger.
    await table.recordJob(aJobKey(1), [seen(1, 'in_progress')], startMs + 50);
    const changed = await table.readJob(job.key);
    assert.equal(changed?.dirty?.since, startMs);
    await count(world, [1], null);
    await eventually(async () =>
      assert.deepEqual(await table.uncounted(hostA, startMs + 101, 10), [items[0], items[2]]),
    );
  });

  contract("an operator's control is uncounted until the ledger has copied it", async (world) => {
    const { table, eventually, publish } = world;
    const control = { host: hostA, pool: lint, paused: true, limitNow: 2 };
    const version = async () => ((await table.readLedger(hostA))?.version ?? 0) + 1;
    await publish({});
    await table.recordControl(control, startMs);
    await eventually(async () =>
      assert.deepEqual(await table.uncounted(hostA, startMs + 1, 10), [{ kind: 'control', pool: lint }]),
    );
    assert.deepEqual(await table.uncounted(hostA, startMs, 10), []);
    const pools = { [lint]: { ...noPoolCounts, paused: true, limitNow: 2 } };
    await publish({ ledger: aLedger(hostA, await version(), { pools }) });
    await eventually(async () => assert.deepEqual(await table.uncounted(hostA, startMs + 1, 10), []));
  });

  contract('runners are due by their deadlines, earliest first', async (world) => {
    const { table, eventually, publish } = world;
    const due = [30, 10, 20].map((ms, i) => aRunner(i + 1, { launchBefore: startMs + ms }));
    await publish({ runnersNew: due });
    await publish({ host: hostB, runnersNew: [aRunner(4, { host: hostB, launchBefore: startMs })] });
    const numbersOf = async (now: number, limit = 10) =>
      (await table.dueRunners(hostA, startMs + now, limit)).map((name) => number({ name }));
    await eventually(async () => assert.deepEqual(await numbersOf(30), [2, 3, 1]));
    assert.deepEqual(await numbersOf(29), [2, 3]);
    assert.deepEqual(await numbersOf(9), []);
    assert.deepEqual(await numbersOf(30, 1), [2]);
    await world.runner(aRunnerName(2), { kind: 'gone', code: 'lost', why: 'no longer there' });
    await eventually(async () => assert.deepEqual(await numbersOf(30), [3, 1]));
  });

  contract('jobs are due by their deadlines, earliest first', async (world) => {
    const { table, eventually } = world;
    const jobs = [await world.job(1, seen(1)), await world.job(2, seen(2)), await world.job(3, seen(3))];
    const ask = (ms: number) => ({ dueAt: startMs + ms, purpose: 'orphan' }) as const;
    await world.publish({
      jobs: jobs.map((job, i) => ({ ...counted(job, 'orphaned'), ask: ask([20, 10, 30][i] ?? 0) })),
    });
    await eventually(async () =>
      assert.deepEqual(await table.dueJobs(startMs + 30, 10), [2, 1, 3].map(aJobKey)),
    );
    assert.deepEqual(await table.dueJobs(startMs + 20, 10), [2, 1].map(aJobKey));
    assert.deepEqual(await table.dueJobs(startMs + 30, 1), [aJobKey(2)]);
    await world.job(2, seen(2, 'completed'));
    await eventually(async () =>
      assert.deepEqual(await table.dueJobs(startMs + 30, 10), [1, 3].map(aJobKey)),
    );
  });

  contract('a sweep is made once, and only moved earlier by what happens at its subject', async (world) => {
    const { table } = world;
    await table.sweepSoon(sweep('a', 50));
    await table.sweepSoon({ ...sweep('a', 60), touchedAt: startMs + 1, state: 'never written' });
    assert.deepEqual(await table.readSweep('runnerList', 'a'), { ...sweep('a', 50), touchedAt: startMs + 1 });
    await table.sweepSoon({ ...sweep('a', 40), state: 'never written' });
    assert.deepEqual(await table.readSweep('runnerList', 'a'), { ...sweep('a', 40), touchedAt: startMs + 1 });
    assert.equal(await table.readSweep('hostList', 'a'), null);
    assert.equal(await table.readSweep('runnerList', 'b'), null);
  });

  contract('after a look a sweep is written as given, but for what happened meanwhile', async (world) => {
    const { table } = world;
    await table.sweepSoon({ ...sweep('a', 5), touchedAt: startMs + 9 });
    const done = { ...sweep('a', 90), lastAt: startMs, state: { page: 2, seen: ['x'] } };
    await table.sweepDone(done);
    assert.deepEqual(await table.readSweep('runnerList', 'a'), { ...done, touchedAt: startMs + 9 });
    await table.sweepDone(sweep('new', 7));
    assert.deepEqual(await table.readSweep('runnerList', 'new'), sweep('new', 7));
  });

  contract('of sweeps made earlier at once, the earliest counts', async ({ table }) => {
    await Promise.all([7, 3, 9, 5].map((ms) => table.sweepSoon(sweep('a', ms))));
    assert.equal((await table.readSweep('runnerList', 'a'))?.nextAt, startMs + 3);
  });

  contract('sweeps are due in the order of their next looks', async (world) => {
    const { table, eventually } = world;
    for (const [subject, ms] of [
      ['a', 30],
      ['b', 10],
      ['c', 20],
    ] as const)
      await table.sweepSoon(sweep(subject, ms));
    await table.sweepSoon({ ...sweep('a', 15), kind: 'hostList' });
    const due = async (now: number, limit = 10) =>
      (await table.sweepsDue(startMs + now, limit)).map(({ kind, subject }) => `${kind} ${subject}`);
    const order = ['runnerList b', 'hostList a', 'runnerList c', 'runnerList a'];
    await eventually(async () => assert.deepEqual(await due(30), order));
    assert.deepEqual(await due(19), order.slice(0, 2));
    assert.deepEqual(await due(30, 3), order.slice(0, 3));
    await table.sweepDone(sweep('b', 99));
    await eventually(async () => assert.deepEqual(await due(30), order.slice(1)));
    assert.deepEqual((await table.sweepsDue(startMs + 99, 10)).at(-1), sweep('b', 99));
  });

  contract('a deployment is made once, whoever asks first', async ({ table }) => {
    const make = (n: number) => (): Deployment => ({
      prefix: `pre${n}` as Deployment['prefix'],
      claimKey: `key ${n}`,
    });
    const deployments = await Promise.all([1, 2, 3, 4, 5].map((n) => table.deployment(make(n))));
    for (const deployment of deployments) assert.deepEqual(deployment, deployments[0]);
    assert.match(deployments[0]?.claimKey ?? '', /^key [1-5]$/);
    assert.deepEqual(await table.deployment(make(6)), deployments[0]);
  });

  contract(
    'what ended before a time is purged, and nothing that is younger, alive or not counted yet',
    async (world) => {
      const { table, eventually } = world;
      const goneAt = (ms: number) => ({ state: 'gone', counted: null, goneAt: startMs + ms }) as const;
      await world.publish({
        runnersNew: [
          aRunner(1, goneAt(-9)),
          aRunner(2, goneAt(0)),
          aRunner(3, { ...goneAt(-9), counted: 'ending' }),
          aRunner(4, { ...goneAt(-9), dirty: { host: hostA, since: startMs, change: 1 } }),
          aRunner(5, { state: 'ending', counted: 'ending', doneAt: startMs - 9 }),
        ],
      });
      const ends: [id: number, phase: 'completed' | 'in_progress', at: number][] = [
        [1, 'completed', -9],
        [2, 'completed', 0],
        [3, 'in_progress', -9],
        [4, 'completed', -9],
      ];
      for (const [id, phase, at] of ends) await table.recordJob(aJobKey(id), [seen(id, phase)], startMs + at);
      await count(world, [1, 2, 3], null);

      const alive = async () => {
        const jobs = await Promise.all([1, 2, 3, 4].map((id) => table.readJob(aJobKey(id))));
        const runners = await Promise.all([1, 2, 3, 4, 5].map((n) => table.readRunner(aRunnerName(n))));
        return [jobs, runners].map((items) => items.flatMap((item, i) => (item ? [i + 1] : [])));
      };
      assert.equal(await table.purge(startMs - 9, 10), 0);
      let purged = 0;
      const purge = async (before: number, limit: number): Promise<void> => {
        for (let went = limit; went > 0; purged += went) {
          went = await table.purge(before, limit);
          assert.ok(went <= limit && purged < 9, `${went} of ${limit} went, after ${purged}`);
        }
      };
      await eventually(async () => {
        await purge(startMs, 1);
        assert.equal(purged, 2);
      });
      assert.equal(await table.purge(startMs, 10), 0);
      assert.deepEqual(await alive(), [
        [2, 3, 4],
        [2, 3, 4, 5],
      ]);
      await eventually(async () => {
        purged += await table.purge(startMs + 1, 10);
        assert.equal(purged, 4);
      });
      assert.deepEqual(await alive(), [
        [3, 4],
        [3, 4, 5],
      ]);
    },
  );

  contract('a name that was purged can be used again', async (world) => {
    const { table, eventually } = world;
    await world.job(1, seen(1, 'completed'));
    await count(world, [1], null);
    await eventually(async () => assert.equal(await table.purge(startMs + 1, 10), 1));
    assert.equal((await world.job(1, seen(1))).version, 1);
    await eventually(async () =>
      assert.deepEqual(await table.uncounted(hostA, startMs + 1, 10), [{ kind: 'job', key: aJobKey(1) }]),
    );
  });

  contract('thousands of waiting jobs hinder no look-up', async (world) => {
    const { table, eventually, manyJobs = 10_000 } = world;
    const all = Array.from({ length: manyJobs }, (_, i) => i + 1);
    for (let i = 0; i < all.length; i += 100)
      await Promise.all(all.slice(i, i + 100).map((id) => world.job(id, seen(id))));
    await count(world, all.slice(0, 400), 'fresh');
    await eventually(async () => {
      for (let i = 0; i < 200; i += 1) {
        const uncounted = await table.uncounted(hostA, startMs + 1, 3);
        const oldest = await table.jobsOfLane(lintLane, 'fresh', 3);
        assert.deepEqual([uncounted.length, oldest.map(({ id }) => id)], [3, [1, 2, 3]]);
      }
    });
    const { jobs } = await table.census(hostA);
    assert.equal(jobs?.get(lintLane)?.fresh ?? 400, 400);
  });
}

/** Counts the jobs as a Publisher does, as many at once as a commit takes. */
async function count(
  world: World,
  ids: readonly number[],
  jobClass: Parameters<typeof counted>[1],
  lane = lintLane,
  host = hostA,
): Promise<void> {
  for (let i = 0; i < ids.length; i += 99) {
    const read = await Promise.all(ids.slice(i, i + 99).map((id) => world.table.readJob(aJobKey(id))));
    const jobs = read.filter((job) => job !== null);
    await world.publish({ host, jobs: jobs.map((job) => counted(job, jobClass, lane)) });
  }
}

function number({ name }: Pick<Runner, 'name'>): number {
  return (
    [1, 2, 3, 4, 5, 6, 7, 8, 9].find((n) =>
      [hostA, hostB].some((host) => [lint, build].some((pool) => aRunnerName(n, host, pool) === name)),
    ) ?? Number.NaN
  );
}

function sweep(subject: string, ms: number): Sweep {
  return { kind: 'runnerList', subject, nextAt: startMs + ms, lastAt: null, touchedAt: startMs, state: null };
}
