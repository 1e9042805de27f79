import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, hostSettings, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { keyOf, seen, startMs } from '../../../test/fixtures/items.ts';
import { jobOf, look, reconcilerDeps, waits } from '../../../test/fixtures/reconciling.ts';
import { createStations, hostName, type Stations } from '../../../test/fixtures/stations.ts';
import type { Configuration } from '../../core/configuration.ts';

const configuration = configurationOf([poolSettings('lint')]);
const stationsOf = () => createStations(configuration);

function reroute(stations: Stations, by: Configuration) {
  return look({ ...reconcilerDeps(stations), configuration: by }, { kind: 'reroute', subject: hostName });
}

describe('the recount', () => {
  it('is asked for every ten minutes, each time as a message of its own', async () => {
    const stations = stationsOf();
    const deps = reconcilerDeps(stations);
    const kept = await look(deps, { kind: 'recount', subject: hostName });
    assert.equal(kept.nextAt, startMs + timing.recountMs);
    await look(deps, { kind: 'recount', subject: hostName });
    const [first, second] = stations.publisherTopic.messages;
    assert.deepEqual(first?.body, { host: 'one', items: [], recount: true, hops: 0 });
    assert.equal(first?.group, 'one');
    assert.notEqual(first?.deduplicationId, second?.deduplicationId);
  });
});

describe('after a change of the configuration', () => {
  const hosts = [hostSettings('one'), hostSettings('two')];
  const moved = configurationOf([poolSettings('big', { labels: ['lint'], host: 'two' as never })], hosts);

  it('every job that waits is routed again, and where it is counted hears of it', async () => {
    const stations = stationsOf();
    await waits(stations, 1);
    await reroute(stations, moved);
    const job = await jobOf(stations, 1);
    assert.equal(job.route.kind === 'lane' && job.route.host, 'two');
    assert.equal(job.dirty?.host, 'one');
  });

  it('a job that no pool fits any more says so, and one that fits by now is counted', async () => {
    const stations = stationsOf();
    await waits(stations, 1);
    const refused = { kind: 'refused', code: 'noPool', text: 'no pool has the label "gpu"' } as const;
    await stations.table.recordJob(keyOf(2), [seen(2, { labels: ['gpu'], route: refused })], startMs);
    await reroute(stations, configurationOf([poolSettings('gpu', { labels: ['gpu'] })]));
    const [first, second] = [await jobOf(stations, 1), await jobOf(stations, 2)];
    assert.equal(first.route.kind === 'refused' && first.route.code, 'noPool');
    assert.equal(second.route.kind === 'lane' && second.route.lane, 'gpu#acme#default');
    assert.equal(second.dirty?.host, 'one');
  });

  it('is done once for each configuration, for jobs of any number', async () => {
    const stations = stationsOf();
    for (let id = 1; id <= 450; id += 1) await waits(stations, id);
    const kept = await reroute(stations, moved);
    assert.deepEqual(kept.state, { configuration: moved.version });
    for (const id of [1, 200, 201, 400, 450]) assert.ok((await jobOf(stations, id)).dirty, `job ${id}`);
    const looked = { ...stations.table, jobsCounted: () => assert.fail('the jobs were looked at again') };
    await reroute({ ...stations, table: looked }, moved);
  });

  it('what waits at a host that is gone from it is found within a minute, by the look that the host was left with', async () => {
    const stations = stationsOf();
    await waits(stations, 1);
    const left = await reroute(stations, configuration);
    assert.ok(left.nextAt <= startMs + 60_000, 'the look is due too late');
    const elsewhere = {
      ...configurationOf([poolSettings('lint', { host: 'two' as never })], [hostSettings('two')]),
      version: 'the next',
    };
    await reroute(stations, elsewhere);
    const job = await jobOf(stations, 1);
    assert.equal(job.route.kind === 'lane' && job.route.host, 'two');
    const last = await reroute(stations, elsewhere);
    assert.ok(last.nextAt > startMs + 24 * 60 * 60_000, 'it looks at an empty host for ever');
  });

  it('a job that belongs where it was is not written', async () => {
    const stations = stationsOf();
    await waits(stations, 1);
    await reroute(stations, configurationOf([poolSettings('lint', { limit: 3 })]));
    assert.equal((await jobOf(stations, 1)).dirty, null);
  });
});
