import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { startMs } from '../../../test/fixtures/items.ts';
import { hostList, reconcilerDeps, runnerList } from '../../../test/fixtures/reconciling.ts';
import { createStations, type Stations } from '../../../test/fixtures/stations.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import { createSweeps, plantSweeps } from './sweep.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));
const plant = (stations: Stations, nextAt = startMs, touchedAt = startMs) =>
  stations.table.sweepSoon({ ...runnerList, nextAt, lastAt: null, touchedAt });
const run = (stations: Stations, github: Partial<GitHub>) =>
  createSweeps(reconcilerDeps(stations, github))(runnerList.kind, runnerList.subject);
const nextAt = async (stations: Stations) =>
  (await stations.table.readSweep(runnerList.kind, runnerList.subject))?.nextAt ?? 0;

describe('a regular look', () => {
  it('is done once, however often its step comes', async () => {
    const stations = stationsOf();
    await plant(stations);
    let looks = 0;
    const counting: Partial<GitHub> = {
      listRunners: async () => {
        looks += 1;
        return [];
      },
    };
    await run(stations, counting);
    await run(stations, counting);
    assert.equal(looks, 1);
    const sweep = await stations.table.readSweep(runnerList.kind, runnerList.subject);
    assert.equal(sweep?.lastAt, startMs);
  });

  it('is not done before it is due, nor where nobody asked for it', async () => {
    const stations = stationsOf();
    await run(stations, {});
    await plant(stations, startMs + 1);
    await run(stations, {});
    assert.equal(await nextAt(stations), startMs + 1);
  });

  it('that fails is tried again at the next tick, behind what was not tried yet', async () => {
    const stations = stationsOf();
    await plant(stations);
    const failing = { listRunners: () => Promise.reject(new GitHubError('unavailable', '502')) };
    await assert.rejects(run(stations, failing), /502/);
    assert.equal(await nextAt(stations), startMs + timing.tickMs);
    const sweep = await stations.table.readSweep(runnerList.kind, runnerList.subject);
    assert.equal(sweep?.lastAt, null);
  });

  it('that is refused for long is tried again ever so rarely, or when GitHub says', async () => {
    for (const [error, waitMs] of [
      [new GitHubError('suspended', 'no'), timing.runnerListIdleMs],
      [new GitHubError('forbidden', 'no'), timing.runnerListIdleMs],
      [new GitHubError('limited', 'no', startMs + 90_000), 90_000],
      [new GitHubError('limited', 'no', startMs + 3_600_000), timing.runnerListIdleMs],
      [new Error('a fault'), timing.tickMs],
    ] as const) {
      const stations = stationsOf();
      await plant(stations);
      await assert.rejects(run(stations, { listRunners: () => Promise.reject(error) }));
      assert.equal(await nextAt(stations), startMs + waitMs);
    }
  });

  it('that is refused for long where nothing happens any more is tried again once an hour', async () => {
    const stations = stationsOf();
    await plant(stations, startMs, 0);
    await assert.rejects(
      run(stations, { listRunners: () => Promise.reject(new GitHubError('suspended', 'no')) }),
    );
    assert.equal(await nextAt(stations), startMs + timing.queuedJobsIdleMs);
  });

  it('at a host that is no longer there is over', async () => {
    const stations = stationsOf();
    const deps = { ...reconcilerDeps(stations), hosts: new Map() };
    await stations.table.sweepSoon({ ...hostList, nextAt: startMs, lastAt: null, touchedAt: 0, state: null });
    await createSweeps(deps)(hostList.kind, hostList.subject);
    const sweep = await stations.table.readSweep(hostList.kind, hostList.subject);
    assert.ok(sweep && sweep.nextAt > startMs + 30 * 24 * 3_600_000);
  });
});

describe('at each start', () => {
  it('what has no event to make it is planted, and is due at once, whenever it was to be due', async () => {
    const stations = stationsOf();
    const deps = reconcilerDeps(stations);
    await plantSweeps(deps);
    const kinds = (await stations.table.sweepsDue(startMs, 100)).map(({ kind }) => kind).sort();
    assert.deepEqual(kinds, ['deliveries', 'hostList', 'recount', 'repositories', 'reroute']);
    for (const sweep of await stations.table.sweepsDue(startMs, 100))
      await stations.table.sweepDone({ ...sweep, nextAt: startMs + 1_000 });
    await plantSweeps(deps);
    assert.equal((await stations.table.sweepsDue(startMs, 100)).length, 5);
    await plantSweeps(deps, { gitHubAddressesOnly: true });
    const added = (await stations.table.sweepsDue(startMs, 100)).filter(({ kind }) => !kinds.includes(kind));
    assert.deepEqual(
      added.map(({ kind }) => kind),
      ['hookAddresses'],
    );
  });
});
