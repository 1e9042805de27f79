import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, hostSettings, minuteMs, poolSettings } from '../../../test/fixtures/books.ts';
import { keyOf, seen, startMs } from '../../../test/fixtures/items.ts';
import { lane, reconcilerDeps, waits } from '../../../test/fixtures/reconciling.ts';
import { createStations, hostName, type Stations } from '../../../test/fixtures/stations.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import type { PoolName } from '../../core/ids.ts';
import { noPoolCounts } from '../../core/ledger.ts';
import type { JobsTable } from '../../ports/jobs-table.ts';
import { createMeasure } from './measure.ts';

const stationsOf = () =>
  createStations(configurationOf([poolSettings('lint')], [hostSettings(hostName, { limit: 20 })]));

/** What is told, and how often the table was asked. */
async function measured(stations: Stations) {
  const telemetry = createRecorder();
  let calls = 0;
  const count =
    <Args extends unknown[], Answer>(call: (...args: Args) => Answer) =>
    (...args: Args) => {
      calls += 1;
      return call(...args);
    };
  const { table } = stations;
  const counting: JobsTable = {
    ...table,
    readLedger: count(table.readLedger),
    lanesWaiting: count(table.lanesWaiting),
    jobsOfLane: count(table.jobsOfLane),
  };
  await createMeasure({ ...reconcilerDeps(stations), table: counting, telemetry })(hostName);
  const gauge = (name: string, labels: Record<string, string> = {}) =>
    telemetry.gauged(name, { host: hostName, ...labels });
  return { gauge, telemetry, calls, oldestMs: gauge('jobs_oldest_waiting_ms') };
}

describe('a measure', () => {
  it('of a host that never had anything is told too: silence means that nobody looks', async () => {
    const { gauge, oldestMs, calls } = await measured(stationsOf());
    assert.equal(oldestMs, 0);
    assert.equal(gauge('jobs_waiting'), 0);
    assert.equal(gauge('runners_alive'), 0);
    assert.equal(gauge('runners_limit'), 20);
    assert.equal(calls, 2);
  });

  it('tells jobs by lane, and runners by pool and class', async () => {
    const stations = stationsOf();
    await lane(stations, { fresh: 3, ordered: 2, orphaned: 1, held: 4, coming: 2, oldestAt: startMs });
    const breaker = { failures: 3, opened: 1, until: startMs + minuteMs, why: 'no capacity' };
    const pools = { ['lint' as PoolName]: { ...noPoolCounts, coming: 2, busy: 5, breaker, paused: true } };
    await stations.commit({ ledger: { pools } });
    const { gauge } = await measured(stations);
    assert.equal(gauge('jobs_waiting'), 6);
    assert.equal(gauge('jobs_held'), 4);
    assert.equal(gauge('runners_alive'), 7);
    assert.equal(gauge('runners', { pool: 'lint', class: 'busy' }), 5);
    assert.equal(gauge('runners', { pool: 'lint', class: 'standby' }), 0);
    assert.equal(gauge('pool_breaker_open', { pool: 'lint' }), 1);
    assert.equal(gauge('pool_paused', { pool: 'lint' }), 1);
  });

  it('asks for no job while the lanes say that none can have waited for long', async () => {
    const stations = stationsOf();
    await lane(stations, { fresh: 1, oldestAt: startMs });
    await stations.clock.advance(4 * minuteMs);
    const { oldestMs, calls } = await measured(stations);
    assert.equal(oldestMs, 4 * minuteMs);
    assert.equal(calls, 2);
  });
});

describe('the measure of budgets', () => {
  const launches = { kind: 'host-launch', account: hostName } as const;
  const mints = { kind: 'github-mint', account: '7' } as const;
  const { launchBurst, launchesPerSecond } = hostSettings(hostName);
  const launchTerms = { burst: launchBurst, perSecond: launchesPerSecond };
  const { mintBurst, mintsPerMinute } = configurationOf([]).github;
  const mintTerms = { burst: mintBurst, perSecond: mintsPerMinute / 60 };

  it('tells how many launches are left of a host, and how many registrations of an installation whose jobs wait', async () => {
    const stations = stationsOf();
    await stations.budgets.reserve(launches, launchTerms, 2, startMs);
    const before = await measured(stations);
    assert.equal(before.gauge('host_launches_left'), launchTerms.burst - 2);
    assert.equal(before.telemetry.gauged('github_registrations_left', { installation: '7' }), null);
    await stations.budgets.reserve(mints, mintTerms, 5, startMs);
    await lane(stations, { fresh: 1, oldestAt: startMs });
    const { telemetry } = await measured(stations);
    assert.equal(telemetry.gauged('github_registrations_left', { installation: '7' }), mintBurst - 5);
  });

  it('tells of an installation until its budget is whole again, though no job of it waits any more', async () => {
    const stations = stationsOf();
    const telemetry = createRecorder();
    const deps = reconcilerDeps(stations);
    await stations.budgets.reserve(mints, mintTerms, mintBurst, startMs);
    await lane(stations, { fresh: 1, oldestAt: startMs });
    let lanes = 1;
    const { table } = stations;
    const lanesWaiting: JobsTable['lanesWaiting'] = async (...args) =>
      (await table.lanesWaiting(...args)).slice(0, lanes);
    const measure = createMeasure({ ...deps, table: { ...table, lanesWaiting }, telemetry });
    const left = () => telemetry.gauged('github_registrations_left', { installation: '7' });
    await measure(hostName);
    assert.equal(left(), 0);
    lanes = 0;
    await stations.clock.advance(60 * minuteMs);
    await measure(hostName);
    assert.equal(left(), mintBurst);
  });
});

describe('the oldest waiting job', () => {
  it('is the one that waits, not one that left a busy lane long ago', async () => {
    const stations = stationsOf();
    await stations.clock.advance(60 * minuteMs);
    await waits(stations, 2, 'ordered', { createdAt: startMs + 50 * minuteMs });
    await waits(stations, 3, 'fresh', { createdAt: startMs + 57 * minuteMs });
    await lane(stations, { fresh: 1, ordered: 1, coming: 1, oldestAt: startMs });
    const { oldestMs, calls } = await measured(stations);
    assert.equal(oldestMs, 10 * minuteMs);
    assert.equal(calls, 4, 'each class of the lane that has jobs is asked once');
  });

  it('waits since it was approved, where it waited for that', async () => {
    const stations = stationsOf();
    await stations.table.recordJob(keyOf(1), [seen(1, { phase: 'gated' })], startMs);
    await stations.clock.advance(600 * minuteMs);
    await waits(stations, 1);
    await waits(stations, 2, 'fresh', { createdAt: startMs + 590 * minuteMs });
    await lane(stations, { fresh: 2, oldestAt: startMs });
    const { oldestMs } = await measured(stations);
    assert.equal(oldestMs, 10 * minuteMs);
  });

  it('is none, where the lanes are behind and no job is found', async () => {
    const stations = stationsOf();
    await lane(stations, { fresh: 1, oldestAt: startMs });
    await stations.clock.advance(60 * minuteMs);
    assert.equal((await measured(stations)).oldestMs, 0);
  });

  it('that GitHub holds back does not wait', async () => {
    const stations = stationsOf();
    await waits(stations, 1, 'held');
    await lane(stations, { held: 1 });
    await stations.clock.advance(60 * minuteMs);
    const { oldestMs, gauge } = await measured(stations);
    assert.equal(oldestMs, 0);
    assert.equal(gauge('jobs_held'), 1);
  });
});
