import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, minuteMs, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { keyOf, startMs } from '../../../test/fixtures/items.ts';
import { jobOf, look, reconcilerDeps, reportOf } from '../../../test/fixtures/reconciling.ts';
import { createStations, type Stations } from '../../../test/fixtures/stations.ts';
import { GitHubError, type InstallationRef, type JobReport, type RepositoryRef } from '../../ports/github.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));
const repositoryOf = (name: string, installation = 7): RepositoryRef => ({
  repository: name,
  isPublic: false,
  ownedByOrganisation: true,
  installation,
});

async function lookUp(stations: Stations, reports: JobReport[], name = 'acme/app', touchedAt = startMs) {
  const asked: string[] = [];
  const deps = reconcilerDeps(stations, {
    rateLeft: () => null,
    queuedJobs: async ({ repository }) => {
      asked.push(repository);
      return reports;
    },
  });
  const repository = repositoryOf(name);
  const kept = await look(deps, { kind: 'queuedJobs', subject: name, touchedAt, state: { repository } });
  return { asked, afterMs: kept.nextAt - stations.clock.now() };
}

describe('the look-up of queued jobs', () => {
  it('finds a job that no event told of, and its host hears of it', async () => {
    const stations = stationsOf();
    await lookUp(stations, [reportOf(1)]);
    assert.equal((await jobOf(stations, 1)).phase, 'queued');
    assert.deepEqual(stations.changes, [{ host: 'one', item: { kind: 'job', key: keyOf(1) } }]);
  });

  it('changes nothing of a job that is known, that has started, or that is none of our business', async () => {
    const stations = stationsOf();
    await lookUp(stations, [reportOf(1)]);
    await lookUp(stations, [reportOf(1), reportOf(2, { labels: ['ubuntu-latest'] })]);
    assert.equal(stations.changes.length, 1);
    assert.equal(await stations.table.readJob(keyOf(2)), null);
  });

  it('is made each minute for an hour after the last event, then each hour', async () => {
    const stations = stationsOf();
    assert.equal((await lookUp(stations, [])).afterMs, timing.queuedJobsMs);
    await stations.clock.advance(timing.activeMs - 1);
    assert.equal((await lookUp(stations, [])).afterMs, timing.queuedJobsMs);
    await stations.clock.advance(1);
    assert.equal((await lookUp(stations, [])).afterMs, timing.queuedJobsIdleMs);
  });

  it('of quiet repositories leaves half of what was saved up to those where something happens', async () => {
    const stations = stationsOf();
    let quiet = 0;
    for (let index = 0; index < 20; index += 1) {
      const { asked } = await lookUp(stations, [], `acme/quiet${index}`, 0);
      quiet += asked.length;
    }
    assert.ok(quiet > 0, 'they are looked at');
    assert.equal((await lookUp(stations, [], 'acme/busy')).asked.length, 1);
  });

  it('uses its share of the requests of an hour, and no more, whatever the number of repositories', async () => {
    const stations = stationsOf();
    let looks = 0;
    for (let minute = 0; minute < 60; minute += 1) {
      for (let repository = 0; repository < 20; repository += 1) {
        const { asked, afterMs } = await lookUp(stations, [], `acme/app${repository}`);
        looks += asked.length;
        if (asked.length === 0) assert.ok(afterMs >= 1_000 && afterMs <= minuteMs);
      }
      await stations.clock.advance(minuteMs);
    }
    const requests = looks * 3;
    assert.ok(requests <= 510, `${requests} requests of 5,000`);
    assert.ok(requests > 400, `${requests} requests of 5,000`);
  });
});

describe('the look at installations', () => {
  const app = { kind: 'repositories', subject: 'app' } as const;

  function world(installations: InstallationRef[], repositories: (id: number) => RepositoryRef[]) {
    const stations = stationsOf();
    const deps = reconcilerDeps(stations, {
      installations: async () => installations,
      repositories: async (id) => repositories(id),
    });
    return { stations, deps };
  }

  const installed = (id: number, suspended = false): InstallationRef => ({ id, account: 'acme', suspended });

  it('plants a look-up for each repository of each installation that is not suspended', async () => {
    const { stations, deps } = world([installed(7), installed(8, true)], (id) => [
      repositoryOf(`acme/of${id}`, id),
    ]);
    const kept = await look(deps, app);
    assert.equal(kept.nextAt, stations.clock.now() + timing.queuedJobsIdleMs);
    const sweep = await stations.table.readSweep('queuedJobs', '7:acme/of7');
    assert.equal(sweep?.nextAt, startMs + timing.queuedJobsMs);
    assert.equal(await stations.table.readSweep('queuedJobs', '8:acme/of8'), null);
  });

  it('goes on behind an installation that does not answer', async () => {
    const { stations, deps } = world([installed(7), installed(8)], (id) => {
      if (id === 7) throw new GitHubError('suspended', 'gone');
      return [repositoryOf('acme/of8', 8)];
    });
    await look(deps, app);
    assert.ok(await stations.table.readSweep('queuedJobs', '8:acme/of8'));
  });

  it('spreads the first looks at many repositories over an hour', async () => {
    const many = Array.from({ length: 1_000 }, (_, index) => repositoryOf(`acme/app${index}`));
    const { stations, deps } = world([installed(7)], () => many);
    await look(deps, app);
    const soon = await stations.table.sweepsDue(startMs + 2 * minuteMs, 2_000);
    assert.ok(soon.length < 10, `${soon.length} in the first two minutes`);
    const all = await stations.table.sweepsDue(startMs + timing.queuedJobsIdleMs + minuteMs, 2_000);
    assert.ok(all.length >= 1_000);
  });

  it('moves no look-up that is planted already, and gives a new installation looks of its own', async () => {
    let id = 7;
    const { stations, deps } = world([installed(7), installed(9)], (of) =>
      of === id ? [repositoryOf('acme/app', of)] : [],
    );
    await look(deps, app);
    const first = await stations.table.readSweep('queuedJobs', '7:acme/app');
    assert(first);
    await stations.table.sweepDone({ ...first, nextAt: startMs + 1_800_000, touchedAt: startMs });
    await look(deps, app);
    assert.equal((await stations.table.readSweep('queuedJobs', '7:acme/app'))?.nextAt, startMs + 1_800_000);
    id = 9;
    await look(deps, app);
    const again = await stations.table.readSweep('queuedJobs', '9:acme/app');
    assert.deepEqual(again?.state, { repository: repositoryOf('acme/app', 9) });
    assert.equal(again?.nextAt, startMs + timing.queuedJobsMs);
  });
});
