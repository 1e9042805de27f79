import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, minuteMs, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { look, reconcilerDeps } from '../../../test/fixtures/reconciling.ts';
import { createStations, type Stations } from '../../../test/fixtures/stations.ts';
import { createRecorder } from '../../adapters/telemetry/recorder/index.ts';
import { type Delivery, GitHubError } from '../../ports/github.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));

/** GitHub's list of what it sent: newest first, each redelivery an entry of its own under the same GUID. */
function deliveriesOf(stations: Stations, answer: (id: string) => Promise<boolean> = async () => false) {
  let sent: Delivery[] = [];
  let made = 0;
  const asked: string[] = [];
  const since: number[] = [];
  const add = (guid: string, ok: boolean, change: Partial<Delivery> = {}): void => {
    made += 1;
    const deliveredAt = stations.clock.now();
    const one = {
      id: String(made),
      guid,
      deliveredAt,
      ok,
      event: 'workflow_job',
      action: 'queued',
      ...change,
    };
    sent = [one, ...sent];
  };
  const recorder = createRecorder();
  const scripts = reconcilerDeps(stations, {
    deliveriesSince: async (from, limit) => {
      since.push(from);
      return sent.filter((one) => one.deliveredAt >= from).slice(0, limit);
    },
    redeliver: async (id) => {
      asked.push(id);
      const guid = sent.find((one) => one.id === id)?.guid ?? '';
      add(guid, await answer(id));
    },
  });
  const deps = { ...scripts, telemetry: recorder };
  const failed = () => recorder.gauged('github_deliveries_failed');
  return { add, asked, since, failed, sweep: () => look(deps, { kind: 'deliveries', subject: 'app' }) };
}

describe('a delivery that failed', () => {
  it('is sent again, and not any more once it arrived', async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations, async () => true);
    add('a', false);
    add('b', true);
    const kept = await sweep();
    assert.deepEqual(asked, ['1']);
    assert.equal(kept.nextAt, stations.clock.now() + timing.deliveriesMs);
    await stations.clock.advance(minuteMs);
    await sweep();
    assert.deepEqual(asked, ['1']);
  });

  it('is told of as long as no attempt of it arrived', async () => {
    const stations = stationsOf();
    let isUp = false;
    const { add, failed, sweep } = deliveriesOf(stations, async () => isUp);
    add('a', false);
    add('b', false);
    add('c', true);
    await sweep();
    assert.equal(failed(), 2);
    await stations.clock.advance(6 * minuteMs);
    isUp = true;
    await sweep();
    await stations.clock.advance(6 * minuteMs);
    await sweep();
    assert.equal(failed(), 0);
  });

  it('is told by its GUID: another attempt that arrived is enough', async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations);
    add('a', true);
    add('a', false);
    await sweep();
    assert.deepEqual(asked, []);
  });

  it('of another event is none of ours', async () => {
    const { add, asked, sweep } = deliveriesOf(stationsOf());
    add('a', false, { event: 'push' });
    await sweep();
    assert.deepEqual(asked, []);
  });

  it('is sent again three times at most, then left to the look-up of queued jobs', async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations);
    add('a', false);
    for (let times = 0; times < 10; times += 1) {
      await sweep();
      await stations.clock.advance(minuteMs);
    }
    assert.equal(asked.length, 3);
  });

  it('is sent again once, though its new attempt is not in the list yet', async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations);
    add('a', false);
    const deps = reconcilerDeps(stations, {
      deliveriesSince: async () => [
        {
          id: '1',
          guid: 'a',
          deliveredAt: stations.clock.now(),
          ok: false,
          event: 'workflow_job',
          action: null,
        },
      ],
      redeliver: async (id) => void asked.push(id),
    });
    const again = () => look(deps, { kind: 'deliveries', subject: 'app' });
    await again();
    await again();
    assert.deepEqual(asked, ['1']);
    assert.ok(sweep);
  });
});

describe('many deliveries that failed', () => {
  it('are sent again a hundred at a look, and none is forgotten', async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations, async () => true);
    for (let guid = 0; guid < 250; guid += 1) {
      add(`g${guid}`, false);
      await stations.clock.advance(1_000);
    }
    const counts: number[] = [];
    for (let looks = 0; looks < 4; looks += 1) {
      await sweep();
      counts.push(asked.length);
      await stations.clock.advance(minuteMs);
    }
    assert.deepEqual(counts, [100, 200, 250, 250]);
  });

  it('go on behind one that GitHub does not send again, which is given up after three times', async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations, async (id) => {
      if (id === '2') throw new GitHubError('invalid', 'no such delivery');
      return true;
    });
    add('a', false);
    add('b', false);
    for (let looks = 0; looks < 6; looks += 1) {
      await sweep();
      await stations.clock.advance(6 * minuteMs);
    }
    assert.equal(asked.filter((id) => id === '1').length, 1);
    assert.equal(asked.filter((id) => id === '2').length, 3);
  });

  it('wait for the next look where GitHub limits them, and are all open then', async () => {
    const stations = stationsOf();
    let isLimited = true;
    const { add, asked, sweep } = deliveriesOf(stations, async () => {
      if (isLimited) throw new GitHubError('limited', 'rate limit', stations.clock.now() + minuteMs);
      return true;
    });
    for (const guid of ['a', 'b', 'c']) add(guid, false);
    await sweep();
    assert.equal(asked.length, 1, 'one refusal is enough');
    isLimited = false;
    await stations.clock.advance(10 * minuteMs);
    await sweep();
    assert.deepEqual(asked.slice(1).sort(), ['1', '2', '3']);
  });
});

describe('the list of deliveries', () => {
  it('is read from an hour back at first, then on from where all is dealt with, with five minutes to be late', async () => {
    const stations = stationsOf();
    const { add, since, sweep } = deliveriesOf(stations, async () => true);
    add('early', true);
    await sweep();
    assert.equal(since[0], stations.clock.now() - 60 * minuteMs);
    await stations.clock.advance(minuteMs);
    add('late', true);
    await sweep();
    assert.equal(since[1], stations.clock.now() - minuteMs - 5 * minuteMs - 1);
  });

  it("is read by GitHub's clock, however far it is from ours", async () => {
    const stations = stationsOf();
    const { add, asked, sweep } = deliveriesOf(stations, async () => true);
    const behind = () => ({ deliveredAt: stations.clock.now() - 10 * minuteMs });
    add('early', true, behind());
    await sweep();
    await stations.clock.advance(minuteMs);
    add('failed', false, behind());
    await sweep();
    assert.deepEqual(asked, ['2']);
  });
});
