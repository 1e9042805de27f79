import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import { keyOf, startMs } from '../../../test/fixtures/items.ts';
import { createStations, hostName, messages, recordingTopic } from '../../../test/fixtures/stations.ts';
import type { HostName, PoolName, RunnerName } from '../../core/ids.ts';
import type { Change } from '../../ports/jobs-table.ts';
import { itemsPerNotification } from '../notification.ts';
import { armTimer, createMessenger, createWaker, type Wake } from './handler.ts';

const two = 'two' as HostName;
const jobChanged = (id: number, host = hostName): Change => ({ host, item: { kind: 'job', key: keyOf(id) } });

function world() {
  const stations = createStations(configurationOf([poolSettings('lint')]));
  const timer = recordingTopic<Wake>();
  let made = 0;
  const makeId = () => {
    made += 1;
    return `id ${made}`;
  };
  return { ...stations, timer, makeId };
}

describe('the messenger', () => {
  it('tells each host of a batch once, with the keys that changed', async () => {
    const stations = world();
    const runner = { kind: 'runner', name: 'r' as RunnerName } as const;
    const control = { kind: 'control', pool: 'lint' as PoolName } as const;
    await createMessenger(stations)(
      messages<Change>(jobChanged(1), jobChanged(2, two), { host: hostName, item: runner }, jobChanged(1), {
        host: hostName,
        item: control,
      }),
    );
    const [one, other, ...more] = stations.publisherTopic.messages;
    assert.deepEqual(one?.body, {
      host: 'one',
      items: [{ kind: 'job', key: keyOf(1) }, runner, control],
      recount: false,
      hops: 0,
    });
    assert.deepEqual(other?.body.items, [{ kind: 'job', key: keyOf(2) }]);
    assert.deepEqual(more, []);
  });

  it('has each host in a group of its own, so that one never waits for another', async () => {
    const stations = world();
    await createMessenger(stations)(messages(jobChanged(1), jobChanged(2, two)));
    assert.deepEqual(
      stations.publisherTopic.messages.map(({ group }) => group),
      ['one', 'two'],
    );
  });

  it('says the same change again as a message of its own, so that no queue swallows it', async () => {
    const stations = world();
    const messenger = createMessenger(stations);
    await messenger(messages(jobChanged(1)));
    await messenger(messages(jobChanged(1)));
    const ids = stations.publisherTopic.messages.map(({ deduplicationId }) => deduplicationId);
    assert.equal(new Set(ids).size, 2);
  });

  it('splits what is more than a notification carries', async () => {
    const stations = world();
    const many = Array.from({ length: itemsPerNotification + 1 }, (_, id) => jobChanged(id + 1));
    await createMessenger(stations)(messages(...many));
    assert.deepEqual(
      stations.publisherTopic.messages.map(({ body }) => body.items.length),
      [itemsPerNotification, 1],
    );
  });

  it('gives the whole batch back where the topic does not take it', async () => {
    const stations = world();
    const publisherTopic = { publish: () => Promise.reject(new Error('the topic is away')) };
    await assert.rejects(createMessenger({ ...stations, publisherTopic })(messages(jobChanged(1))), /away/);
  });
});

describe('the timer', () => {
  it('tells the host when its time has come', async () => {
    const stations = world();
    await createWaker(stations)(messages<Wake>({ host: hostName, at: startMs }));
    assert.deepEqual(stations.publisherTopic.messages, [
      {
        body: { host: 'one', items: [], recount: false, hops: 0 },
        group: 'one',
        deduplicationId: `wake:one:${startMs}`,
      },
    ]);
  });

  it('is armed again where it goes off too early, and for a time that no queue can wait for', async () => {
    const stations = world();
    const at = startMs + 3_600_000;
    await createWaker(stations)(messages<Wake>({ host: hostName, at }));
    assert.deepEqual(stations.publisherTopic.messages, []);
    assert.deepEqual(stations.timer.messages, [{ body: { host: 'one', at }, delayMs: 900_000 }]);
    await armTimer(stations.timer, stations.clock, { host: hostName, at: startMs + 5_000 });
    assert.equal(stations.timer.messages[1]?.delayMs, 5_000);
    await armTimer(stations.timer, stations.clock, { host: hostName, at: startMs - 5_000 });
    assert.equal(stations.timer.messages[2]?.delayMs, 0);
  });
});
