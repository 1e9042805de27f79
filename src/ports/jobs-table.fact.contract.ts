import assert from 'node:assert/strict';
import type { JobFact } from '../core/job.ts';
import type { RunnerFact } from '../core/runner.ts';
import { laneKey } from '../core/scope.ts';
import type { CreateJobsTableFixture, World } from './jobs-table.world.contract.ts';
import { contractOf } from './jobs-table.world.contract.ts';
import {
  acme,
  aJobKey,
  aLane,
  aRunner,
  aRunnerName,
  aSighting,
  counted,
  hostA,
  hostB,
  lint,
  lintLane,
  routeTo,
  seen,
  startMs,
} from './testing.ts';

const key = aJobKey(1);
const name = aRunnerName(1);

/** What is told of facts: that they are merged and none is lost, and who hears of them. */
export function factContract(tableName: string, createFixture: CreateJobsTableFixture): void {
  const contract = contractOf(tableName, createFixture);

  contract('what was never recorded is not there', async ({ table }) => {
    assert.equal(await table.readJob(key), null);
    assert.equal(await table.readRunner(name), null);
    assert.equal(await table.readLane(hostA, lintLane), null);
    assert.equal(await table.readLedger(hostA), null);
    assert.deepEqual(await table.recordJob(key, [{ kind: 'asked' }], startMs), {
      outcome: 'unchanged',
      job: null,
    });
    assert.deepEqual(await table.recordRunner(name, [{ kind: 'removed' }], startMs), { outcome: 'unknown' });
    assert.equal(await table.readJob(key), null);
  });

  contract(
    'the first sighting makes the job, and each later write adds one to its version',
    async (world) => {
      const first = await world.job(1, seen(1));
      assert.equal(first.version, 1);
      assert.equal(first.phase, 'queued');
      assert.deepEqual(await world.table.readJob(key), first);
      const second = await world.job(1, seen(1, 'in_progress'));
      assert.equal(second.version, 2);
      assert.deepEqual(await world.table.readJob(key), second);
    },
  );

  contract('a duplicate changes nothing and answers with what is known', async (world) => {
    const job = await world.job(1, seen(1, 'in_progress'));
    for (const phase of ['gated', 'queued', 'in_progress'] as const)
      assert.deepEqual(await world.table.recordJob(key, [seen(1, phase)], startMs + 5), {
        outcome: 'unchanged',
        job,
      });
    assert.deepEqual(await world.table.readJob(key), job);
  });

  contract('the phases of a job come to the same end in every order', async (world) => {
    const runner = { id: 9, name: 'somebody' };
    const phases: JobFact[] = [
      seen(1, 'queued'),
      seen(1, 'in_progress', { runner, startedAt: startMs + 1 }),
      seen(1, 'completed', {
        runner,
        conclusion: 'success',
        startedAt: startMs + 1,
        completedAt: startMs + 2,
      }),
    ];
    for (const [id, order] of [
      [0, 1, 2],
      [0, 2, 1],
      [1, 0, 2],
      [1, 2, 0],
      [2, 0, 1],
      [2, 1, 0],
    ].entries()) {
      for (const i of order) {
        const fact = phases[i] as Extract<JobFact, { kind: 'seen' }>;
        const sighting = { ...fact.sighting, key: aJobKey(id), id };
        await world.table.recordJob(aJobKey(id), [{ ...fact, sighting }], startMs + i);
      }
      const job = await world.table.readJob(aJobKey(id));
      assert.deepEqual(
        [job?.phase, job?.conclusion, job?.runner, job?.startedAt, job?.completedAt],
        ['completed', 'success', runner, startMs + 1, startMs + 2],
        `order ${order}`,
      );
    }
  });

  contract('facts of twenty concurrent writers are all kept', async (world) => {
    const { table, publish } = world;
    await publish({ runnersNew: [aRunner(1)] });
    const notes = Array.from({ length: 20 }, (_, i) => `note ${i}`);
    const phases = ['queued', 'in_progress', 'completed'] as const;
    await Promise.all([
      ...notes.map((what) => table.recordRunner(name, [{ kind: 'note', what }], startMs)),
      ...notes.map((_, i) => table.recordJob(key, [seen(1, phases[i % 3])], startMs + i)),
    ]);
    const runner = await table.readRunner(name);
    const written = runner?.timeline.map(({ what }) => what) ?? [];
    assert.deepEqual(new Set(written), new Set(['ordered', ...notes]));
    assert.equal(runner?.version, 21);
    assert.equal((await table.readJob(key))?.phase, 'completed');
  });

  contract('of twenty handlers that ask for the lease at once, one gets it', async ({ table, publish }) => {
    await publish({ runnersNew: [aRunner(1)] });
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        table.recordRunner(
          name,
          [{ kind: 'lease', owner: `handler ${i}`, until: startMs + 30_000 }],
          startMs,
        ),
      ),
    );
    const outcomes = answers.map(({ outcome }) => outcome);
    assert.equal(outcomes.filter((outcome) => outcome === 'recorded').length, 1);
    assert.equal(outcomes.filter((outcome) => outcome === 'refused').length, 19);
    const winner = answers.find(({ outcome }) => outcome === 'recorded') as { runner: unknown };
    assert.deepEqual(await table.readRunner(name), winner.runner);
  });

  contract('several facts are one write, in their order', async (world) => {
    await world.publish({ runnersNew: [aRunner(1)] });
    const runner = await world.runner(name, lease, { kind: 'mark', owner: 'me' });
    assert.equal(runner.state, 'launching');
    assert.equal(runner.version, 2);
    const job = await world.job(1, seen(1, 'queued'), seen(1, 'queued'), seen(1, 'in_progress'));
    assert.deepEqual([job.phase, job.version, job.queuedSeenAt], ['in_progress', 1, startMs]);
  });

  contract('of several facts one is refused: none is written, and the answer says why', async (world) => {
    await world.publish({ runnersNew: [aRunner(1)] });
    const before = await world.table.readRunner(name);
    const facts: RunnerFact[] = [lease, { kind: 'mark', owner: 'another' }, { kind: 'note', what: 'never' }];
    const answer = await world.table.recordRunner(name, facts, startMs);
    assert.deepEqual(answer, { outcome: 'refused', runner: before, why: 'the lease has ended' });
    assert.deepEqual(await world.table.readRunner(name), before);
  });

  contract('a refused or unchanged fact does not spoil those that are recorded beside it', async (world) => {
    const { table, publish } = world;
    await publish({ runnersNew: [aRunner(1), aRunner(2)] });
    const [refused, unchanged, unknown, recorded, job] = await Promise.all([
      table.recordRunner(name, [{ kind: 'mark', owner: 'nobody' }], startMs),
      table.recordRunner(name, [{ kind: 'unassigned' }], startMs),
      table.recordRunner(aRunnerName(3), [lease], startMs),
      table.recordRunner(aRunnerName(2), [lease], startMs),
      table.recordJob(key, [seen(1)], startMs),
    ]);
    assert.deepEqual(
      [refused, unchanged, unknown, recorded, job].map(({ outcome }) => outcome),
      ['refused', 'unchanged', 'unknown', 'recorded', 'recorded'],
    );
    assert.equal((await table.readRunner(aRunnerName(2)))?.lease?.owner, 'me');
    assert.equal((await table.readJob(key))?.phase, 'queued');
  });

  contract(
    'a fact that has to be counted is told to its host, when it is there to be read',
    async (world) => {
      const { table, told, listeners, eventually } = world;
      const read: Promise<unknown>[] = [];
      listeners.push(({ item }) =>
        read.push(item.kind === 'job' ? table.readJob(item.key) : Promise.resolve(0)),
      );
      const job = await world.job(1, seen(1));
      await eventually(async () => {
        assert.ok(told.some(({ host, item }) => host === hostA && item.kind === 'job' && item.key === key));
      });
      for (const found of await Promise.all(read)) assert.deepEqual(found, job);
    },
  );

  contract(
    'each change of what is counted is told, though the one before was not counted yet',
    async (world) => {
      const { told, eventually } = world;
      for (const [n, phase] of (['queued', 'in_progress', 'completed'] as const).entries()) {
        await world.job(1, seen(1, phase));
        await eventually(async () => assert.ok(told.length > n, `${phase} was not told`));
      }
    },
  );

  contract('facts that change no count are told to nobody', async (world) => {
    const { told, eventually } = world;
    await world.publish({ runnersNew: [aRunner(1)] });
    await world.runner(name, { kind: 'note', what: 'of no consequence' });
    await world.runner(name, lease);
    await world.job(1, seen(1, 'gated'));
    await marker(world);
    await eventually(async () => assert.ok(told.length > 0));
    assert.deepEqual(new Set(told.map(({ item }) => JSON.stringify(item))), new Set([markerItem]));
  });

  contract('an event of a job that belongs nowhere is told to the host of its runner', async (world) => {
    const route = { kind: 'refused', code: 'noPool', text: 'no pool' } as const;
    await world.job(1, seen(1, 'in_progress', { route, runner: { id: 1, name }, runnerHost: hostB }));
    await world.eventually(async () =>
      assert.deepEqual(world.told.at(-1), { host: hostB, item: { kind: 'job', key } }),
    );
  });

  contract("an operator's control is kept, told, and read with the books", async (world) => {
    const { table, told, eventually, books } = world;
    await table.recordControl({ host: hostA, pool: lint, paused: true, limitNow: 3 }, startMs);
    await table.recordControl({ host: hostB, pool: lint, paused: false, limitNow: null }, startMs);
    await table.recordControl({ host: hostA, pool: lint, paused: true, limitNow: 5 }, startMs);
    const controls = [{ host: hostA, pool: lint, paused: true, limitNow: 5 }];
    assert.deepEqual((await books()).controls, controls);
    assert.deepEqual((await table.census(hostA)).controls, controls);
    await eventually(async () => {
      const change = { host: hostA, item: { kind: 'control', pool: lint } };
      assert.ok(told.some((one) => JSON.stringify(one) === JSON.stringify(change)));
    });
  });

  contract('texts of any content come back as they were', async (world) => {
    const { table } = world;
    for (const [n, text] of oddTexts.entries()) {
      const id = n + 1;
      // A group's name is a part of keys, which are bounded; the rest is not.
      const group = text.slice(0, 100);
      const lane = laneKey(lint, acme, group);
      const sighting = aSighting(id, { name: text, labels: [text, 'x'], workflow: text, url: text });
      const route = { ...routeTo(lane), group };
      await world.job(id, { kind: 'seen', by: 'webhook', sighting: { ...sighting, route } });
      const job = await table.readJob(aJobKey(id));
      assert.deepEqual([job?.name, job?.labels, job?.workflow, job?.url], [text, [text, 'x'], text, text]);
      assert.deepEqual(job?.route, route);
      assert.ok(job);

      const row = aLane({ key: lane, group, fresh: 1, oldestAt: startMs });
      const runner = aRunner(id, { lane, group });
      await world.publish({ jobs: [counted(job, 'fresh')], lanes: [row], runnersNew: [runner] });
      assert.deepEqual(await table.readLane(hostA, lane), row);
      const books = await world.books({ items: [{ kind: 'job', key: job.key }], pools: [lint] });
      assert.deepEqual(books.lanes, [row]);
      await world.eventually(async () => {
        const jobs = await table.jobsOfLane(lane, 'fresh', 10);
        const runners = await table.runnersOfLane(hostA, lane, 'coming', 10);
        assert.deepEqual([jobs.map(({ id }) => id), runners.map((one) => one.name)], [[id], [runner.name]]);
      });
      assert.equal((await table.census(hostA)).jobs?.get(lane)?.fresh ?? 1, 1);

      const sweep = { nextAt: startMs, lastAt: null, touchedAt: 0, state: { [text]: [text, null, 1.5] } };
      await table.sweepSoon({ kind: 'queuedJobs', subject: group, ...sweep });
      assert.deepEqual((await table.readSweep('queuedJobs', group))?.state, sweep.state);
    }
  });
}

const lease: RunnerFact = { kind: 'lease', owner: 'me', until: startMs + 30_000 };

/** A change that comes last: once it was told, all before it would have been. */
async function marker(world: World): Promise<void> {
  await world.job(99, seen(99));
}
const markerItem = JSON.stringify({ kind: 'job', key: aJobKey(99) });

const oddTexts = [
  'a\u0000b',
  '\u0000',
  '👩‍🚀 emoji, naïve, 日本語',
  `quotes ' " \` and \\ and \\u0000 and %_`,
  'line\r\nbreaks\u2028and\ttabs',
  "'); DROP TABLE jobs; --",
  '#a#b#',
  'x'.repeat(10_000),
];
