import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import { keyOf, online, seen } from '../../../test/fixtures/items.ts';
import { jobOf, know, reconcilerDeps, reportOf, write } from '../../../test/fixtures/reconciling.ts';
import { createStations, type Stations } from '../../../test/fixtures/stations.ts';
import type { RunnerName } from '../../core/ids.ts';
import { withRerunWish } from '../../core/rerun.ts';
import { type GitHub, GitHubError, type JobReport, type RunReport } from '../../ports/github.ts';
import { createAsk } from './ask.ts';
import { createDuties } from './duties.ts';

const pool = poolSettings('lint', { rerunInterrupted: true });
const over: RunReport = { attempt: 1, isOver: true, conclusion: 'failure', jobs: [] };

/** Job 1 has ended since its machine was taken back, and is to be run again. */
async function stand(): Promise<{ stations: Stations; runner: RunnerName }> {
  const stations = createStations(configurationOf([pool]));
  return { stations, runner: await lost(stations, 1) };
}

async function lost(stations: Stations, id: number): Promise<RunnerName> {
  const { table, clock } = stations;
  const runner = await stations.order();
  await know(
    stations,
    runner,
    ...online,
    { kind: 'busy', job: keyOf(id), gitHubId: 5 },
    { kind: 'interrupted', why: 'EC2 takes it back' },
  );
  const ended = { phase: 'completed', conclusion: 'failure', runner: { id: 5, name: runner } } as const;
  await table.recordJob(keyOf(id), [seen(id), seen(id, ended)], clock.now());
  await write(stations, id, { ...withRerunWish(await jobOf(stations, id), true, clock.now()), dirty: null });
  return runner;
}

/** Its deadline is looked at, with a GitHub that answers so; what was asked, and how the job's story ends. */
async function look(stations: Stations, github: Partial<GitHub>) {
  const asked: unknown[] = [];
  const deps = reconcilerDeps(stations, {
    rerun: async (_repository, target) => {
      asked.push(target);
      return { outcome: 'accepted' };
    },
    ...github,
  });
  const failure = await createDuties(deps, createAsk(deps))
    .job(keyOf(1))
    .then(
      () => null,
      (error: unknown) => error,
    );
  const job = await jobOf(stations, 1);
  return {
    asked,
    calls: deps.github.calls,
    failure,
    dueAt: job.rerun?.dueAt ?? null,
    last: job.timeline.at(-1),
  };
}

const failed = (id: number, change: Partial<JobReport> = {}) =>
  reportOf(id, { status: 'completed', conclusion: 'failure', ...change });

describe('a job that lost its machine', () => {
  it('is run again once its run is over, and is asked for no more', async () => {
    const { stations } = await stand();
    const going = await look(stations, { readRun: async () => ({ ...over, isOver: false }) });
    assert.deepEqual(going.asked, []);
    assert.equal(going.dueAt, stations.clock.now() + 30_000);
    assert.deepEqual((await look(stations, {})).calls, [], 'before its time nobody is asked');

    await stations.clock.advance(30_000);
    const asked = await look(stations, {
      readRun: async () => ({ ...over, jobs: [failed(1), failed(9, { conclusion: 'success' })] }),
    });
    assert.deepEqual(asked.asked, [{ what: 'job', jobId: 1 }]);
    assert.deepEqual(asked.calls, ['readRun', 'rerun']);
    assert.deepEqual(
      [asked.dueAt, asked.last?.what, asked.last?.why],
      [null, 'run again', 'attempt 2 of its run'],
    );
    await stations.clock.advance(3_600_000);
    assert.deepEqual((await look(stations, {})).calls, []);
  });

  it('is not asked for again where an answer was lost, as the run tells its attempt', async () => {
    const { stations } = await stand();
    const readRun = async () => over;
    const rerun = async () => {
      throw new GitHubError('unavailable', 'the answer was lost');
    };
    const unsure = await look(stations, { readRun, rerun });
    assert.ok(unsure.failure instanceof GitHubError);
    await stations.clock.advance(60_000);
    const next = await look(stations, { readRun: async () => ({ ...over, attempt: 2, isOver: false }) });
    assert.deepEqual([next.asked, next.dueAt, next.last?.what], [[], null, 'run again']);
  });

  it('waits where GitHub finds the run at work after all', async () => {
    const { stations } = await stand();
    const one = await look(stations, {
      readRun: async () => over,
      rerun: async () => ({ outcome: 'running' }),
    });
    assert.notEqual(one.dueAt, null);
  });

  it('is not asked for by a handler that slept since it looked', async () => {
    const { stations } = await stand();
    const readRun = async () => {
      await stations.clock.advance(30_000);
      return over;
    };
    const one = await look(stations, { readRun });
    assert.deepEqual(one.asked, []);
    assert.notEqual(one.dueAt, null);
  });

  it('says why it is not run again, where a person has to act', async () => {
    const cases: [github: Partial<GitHub>, why: RegExp][] = [
      [{ readRun: async () => null }, /does not know its run/],
      [
        { readRun: async () => over, rerun: async () => ({ outcome: 'refused', reason: '403 too old' }) },
        /403 too old/,
      ],
      [
        {
          readRun: async () => over,
          rerun: async () => {
            throw new GitHubError('forbidden', 'it needs “Actions: read and write”');
          },
        },
        /Actions: read and write/,
      ],
    ];
    for (const [github, why] of cases) {
      const { stations } = await stand();
      const { failure, dueAt, last } = await look(stations, github);
      assert.deepEqual([failure, dueAt, last?.what], [null, null, 'not run again']);
      assert.match(last?.why ?? '', why);
    }
  });
});

describe('the other jobs of its run', () => {
  it('are run again with it where they lost their machines too, or were cancelled for its sake', async () => {
    const { stations } = await stand();
    const other = await lost(stations, 2);
    const jobs = [
      failed(1),
      failed(2, { runner: { id: 5, name: other } }),
      failed(3, { conclusion: 'cancelled' }),
    ];
    const { asked } = await look(stations, { readRun: async () => ({ ...over, jobs }) });
    assert.deepEqual(asked, [{ what: 'failedJobs', runId: 1 }]);
  });

  it('are left alone where one of them failed by itself', async () => {
    const { stations } = await stand();
    const jobs = [failed(1), failed(2), failed(3, { conclusion: 'cancelled' })];
    const { asked } = await look(stations, { readRun: async () => ({ ...over, jobs }) });
    assert.deepEqual(asked, [{ what: 'job', jobId: 1 }]);
  });

  it('tell that somebody cancelled the run: then none is run again, as that might cancel a newer one', async () => {
    const { stations } = await stand();
    const jobs = [failed(1, { conclusion: 'cancelled' }), failed(2, { conclusion: 'cancelled' })];
    const readRun = async () => ({ ...over, conclusion: 'cancelled', jobs });
    const { asked, last } = await look(stations, { readRun });
    assert.deepEqual([asked, last?.what, last?.why], [[], 'not run again', 'its run was cancelled']);
  });
});
