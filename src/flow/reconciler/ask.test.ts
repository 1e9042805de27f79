import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { keyOf, seen, startMs } from '../../../test/fixtures/items.ts';
import { jobOf, reconcilerDeps, reportOf, waits, write } from '../../../test/fixtures/reconciling.ts';
import { createStations, type Stations } from '../../../test/fixtures/stations.ts';
import type { AskPurpose, Job } from '../../core/job.ts';
import { GitHubError, type JobReport } from '../../ports/github.ts';
import { createAsk } from './ask.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));
const r1 = { id: 5, name: `tst0-one-lint-${'0'.repeat(26)}` };
const due = { dueAt: startMs, purpose: 'secondOrder' as const };

async function ask(
  stations: Stations,
  answer: JobReport | null | GitHubError,
  purpose: AskPurpose = 'secondOrder',
): Promise<{ job: Job; calls: string[] }> {
  const deps = reconcilerDeps(stations, {
    readJob: async () => {
      if (answer instanceof GitHubError) throw answer;
      return answer;
    },
  });
  await createAsk(deps)(keyOf(1), purpose).catch((error: unknown) => assert.equal(error, answer));
  return { job: await jobOf(stations, 1), calls: deps.github.calls };
}

describe('an ask', () => {
  it('"still queued" confirms the job, so that one order more may be made', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    await stations.clock.advance(1_000);
    const { job } = await ask(stations, reportOf(1));
    assert.deepEqual(job.confirmed, { at: startMs + 1_000, purpose: 'secondOrder' });
    assert.equal(job.ask, null);
    assert.equal(job.dirty?.host, 'one');
  });

  it('is put off by a minute when the share of requests is used up, so that runners can still be registered', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    const budget = { kind: 'github-ask', account: '7' } as const;
    await stations.budgets.reserve(budget, { burst: 100, perSecond: 500 / 3_600 }, 100, startMs);
    const { job, calls } = await ask(stations, reportOf(1));
    assert.deepEqual(calls, []);
    assert.equal(job.confirmed, null);
    assert.equal(job.ask?.dueAt, startMs + 60_000);
  });

  it('that the plan wants for a second order is answered for that, though another reason came first', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    const { job } = await ask(stations, reportOf(1), 'idleRunner');
    assert.equal(job.confirmed?.purpose, 'secondOrder');
  });

  it('is dated before the question, so that it never confirms an order that was made while it was answered', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    const deps = reconcilerDeps(stations, {
      readJob: async () => {
        await stations.clock.advance(5_000);
        return reportOf(1);
      },
    });
    await createAsk(deps)(keyOf(1), 'secondOrder');
    assert.equal((await jobOf(stations, 1)).confirmed?.at, startMs);
  });

  it('moves the job forward by what GitHub knows, with the runner that has it', async () => {
    for (const status of ['in_progress', 'completed'] as const) {
      const stations = stationsOf();
      await waits(stations, 1, 'orphaned', { ask: due });
      const { job } = await ask(stations, reportOf(1, { status, runner: r1 }));
      assert.equal(job.phase, status);
      assert.equal(job.runner?.name, r1.name);
      assert.ok(job.dirty);
    }
  });

  it('of which GitHub knows nothing is about a job that is over', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    await stations.clock.advance(60_000);
    assert.equal((await ask(stations, null)).job.phase, 'completed');
  });

  it('of which GitHub knows nothing so shortly after the event is made again: it may not know the job yet', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    await stations.clock.advance(59_999);
    const { job } = await ask(stations, null);
    assert.equal(job.phase, 'queued');
    assert.equal(job.ask?.dueAt, stations.clock.now() + 60_000);
  });

  it('is not made again within 20 s, nor for a job that is over, nor for one that is not known', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'orphaned', { ask: due });
    await ask(stations, reportOf(1, { status: 'waiting' }));
    assert.deepEqual((await ask(stations, reportOf(1))).calls, []);
    await stations.clock.advance(timing.askAgainMs);
    assert.deepEqual((await ask(stations, reportOf(1))).calls, ['readJob']);
    const other = stationsOf();
    await other.table.recordJob(keyOf(1), [seen(1, { phase: 'completed' })], startMs);
    assert.deepEqual((await ask(other, reportOf(1))).calls, []);
    const deps = reconcilerDeps(stations);
    await createAsk(deps)(keyOf(99), 'secondOrder');
    assert.deepEqual(deps.github.calls, []);
  });

  it('tells of a gated job that it is queued by now, or over, though nobody said so', async () => {
    for (const [status, phase] of [
      ['queued', 'queued'],
      ['completed', 'completed'],
      ['waiting', 'gated'],
    ] as const) {
      const stations = stationsOf();
      await stations.table.recordJob(keyOf(1), [seen(1, { phase: 'gated' })], startMs);
      assert.equal((await ask(stations, reportOf(1, { status }))).job.phase, phase);
    }
  });

  it('about a job that runs and runs is repeated ever less often', async () => {
    const stations = stationsOf();
    await waits(stations, 1);
    await stations.table.recordJob(keyOf(1), [seen(1, { phase: 'in_progress' })], startMs);
    await write(stations, 1, { ask: { dueAt: startMs, purpose: 'orphan' } });
    await stations.clock.advance(600_000);
    const { job } = await ask(stations, reportOf(1, { status: 'in_progress' }), 'orphan');
    assert.equal(job.ask?.dueAt, startMs + 2 * 600_000);
  });

  it('that GitHub does not answer is due again later, behind those that were not asked yet', async () => {
    for (const kind of ['unavailable', 'limited', 'suspended', 'forbidden'] as const) {
      const stations = stationsOf();
      await waits(stations, 1, 'orphaned', { ask: due });
      const { job } = await ask(stations, new GitHubError(kind, 'no'));
      assert.equal(job.phase, 'queued');
      assert.equal(job.confirmed, null);
      assert.ok(job.ask && job.ask.dueAt > stations.clock.now(), kind);
    }
  });
});
