import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import {
  claimedTraits,
  createStations,
  endOrder,
  hostName,
  machine,
  messages,
  type Stations,
  scripted,
  silent,
} from '../../../test/fixtures/stations.ts';
import { runnerDeadline } from '../../core/deadline.ts';
import type { RunnerName } from '../../core/ids.ts';
import type { RunnerFact } from '../../core/runner.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import type { Host } from '../../ports/host.ts';
import { createTerminator } from './terminator.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));

function terminatorOf(stations: Stations, host: Partial<Host>, github: Partial<GitHub>) {
  const made = {
    host: scripted<Host>('host', { traits: claimedTraits, ...host }),
    github: scripted<GitHub>('github', github),
  };
  return { ...made, run: createTerminator({ ...stations, ...made, hostName, timing, telemetry: silent }) };
}

async function know(stations: Stations, name: RunnerName, ...facts: RunnerFact[]): Promise<void> {
  for (const fact of facts) await stations.table.recordRunner(name, [fact], stations.clock.now());
}

const launched: RunnerFact[] = [
  { kind: 'lease', owner: 'o', until: 1_800_000_030_000 },
  { kind: 'mark', owner: 'o' },
  { kind: 'launched', machine: machine('m1') },
];
const registered: RunnerFact[] = [
  ...launched,
  { kind: 'claim', windowMs: 60_000, timesMax: 3 },
  { kind: 'minted', gitHubId: 5 },
  { kind: 'online', gitHubId: 5 },
];
const surplus: RunnerFact = { kind: 'removing', code: 'surplus', why: 'no job waits for it' };

describe('the terminator', () => {
  it('frees an order that was not launched, without asking anybody', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, surplus);
    await terminatorOf(stations, {}, {}).run(messages(endOrder(name)));
    assert.equal((await stations.table.readRunner(name))?.state, 'gone');
  });

  it("removes at GitHub first, then ends the machine; the host's word frees the place", async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, surplus);
    const order: string[] = [];
    const { run } = terminatorOf(
      stations,
      {
        terminate: async () => {
          order.push('terminate');
          return 'ending';
        },
      },
      {
        removeRunner: async () => {
          order.push('remove');
          return 'removed';
        },
      },
    );
    await run(messages(endOrder(name)));
    assert.deepEqual(order, ['remove', 'terminate']);
    const runner = await stations.table.readRunner(name);
    assert.notEqual(runner?.state, 'gone');
    assert.equal(runner?.removedAt, stations.clock.now());
  });

  it('leaves a runner that GitHub calls busy, and it counts as coming again', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, surplus);
    const { run } = terminatorOf(stations, {}, { removeRunner: async () => 'busy' });
    await run(messages(endOrder(name)));
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.state, 'assigned');
    assert.equal(runner?.removing, null);
  });

  it('takes a runner that GitHub does not know for removed, and ends its machine', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, surplus);
    const { run } = terminatorOf(
      stations,
      { terminate: async () => 'gone' },
      { removeRunner: async () => 'absent' },
    );
    await run(messages(endOrder(name)));
    assert.equal((await stations.table.readRunner(name))?.state, 'gone');
  });

  it('leaves a runner whose job is said to be done while GitHub calls it busy, and looks again in a minute', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, { kind: 'done', job: null });
    const { run, host } = terminatorOf(stations, {}, { removeRunner: async () => 'busy' });
    await run(messages(endOrder(name)));
    assert.deepEqual(host.calls, []);
    const runner = await stations.table.readRunner(name);
    assert(runner);
    assert.equal(runner.state, 'ending');
    assert.equal(runnerDeadline(runner, stations.times)?.at, stations.clock.now() + 60_000);
  });

  it('asks GitHub once: what was removed is ended again by its host alone', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, surplus, { kind: 'removed' }, { kind: 'terminated' });
    const { run, github, host } = terminatorOf(stations, { terminate: async () => 'ending' }, {});
    await run(messages(endOrder(name)));
    assert.deepEqual(github.calls, []);
    assert.deepEqual(host.calls, ['terminate']);
  });

  it('ends nothing when a job was heard of meanwhile', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, surplus, { kind: 'busy', job: null, gitHubId: 5 });
    const { run, github } = terminatorOf(stations, {}, {});
    await run(messages(endOrder(name)));
    assert.deepEqual(github.calls, []);
  });

  it('ends no machine whose launch was answered while this run stalled', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    const uncertain: RunnerFact = { kind: 'removing', code: 'uncertain', why: 'never answered' };
    await know(stations, name, ...launched.slice(0, 2), uncertain);
    await stations.clock.advance(30_000);
    const { table } = stations;
    const stalling = {
      ...table,
      readRunner: async (named: RunnerName) => {
        const read = await table.readRunner(named);
        await know(stations, named, { kind: 'alive', machine: machine('m1') });
        return read;
      },
    };
    const { run, host } = terminatorOf({ ...stations, table: stalling }, {}, {});
    await run(messages(endOrder(name)));
    assert.deepEqual(host.calls, []);
    assert.equal((await table.readRunner(name))?.removing, null);
  });

  it('ends no machine that got a job while GitHub was removing it', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...registered, surplus);
    const { run, host } = terminatorOf(
      stations,
      {},
      {
        removeRunner: async () => {
          await know(stations, name, { kind: 'busy', job: null, gitHubId: 5 });
          return 'removed';
        },
      },
    );
    await run(messages(endOrder(name)));
    assert.deepEqual(host.calls, []);
  });

  it('waits for a launch that may still be answered, and for a claim that may be minting', async () => {
    const stations = stationsOf();
    const unanswered = await stations.order();
    await know(stations, unanswered, ...launched.slice(0, 2), {
      kind: 'removing',
      code: 'uncertain',
      why: '',
    });
    const claiming = await stations.order();
    await know(stations, claiming, ...launched, { kind: 'claim', windowMs: 60_000, timesMax: 3 }, surplus);
    const { run } = terminatorOf(stations, {}, {});
    assert.deepEqual(await run(messages(endOrder(unanswered), endOrder(claiming))), [
      { id: '1', outcome: 'retry', delayMs: 30_000 },
      { id: '2', outcome: 'retry', delayMs: 60_000 },
    ]);
  });

  it('clears away a runner whose job has ended though its installation is gone, and no other', async () => {
    const stations = stationsOf();
    const done = await stations.order();
    const idle = await stations.order();
    await know(stations, done, ...registered, { kind: 'done', job: null });
    await know(stations, idle, ...registered, surplus);
    const suspended = new GitHubError('suspended', 'the installation is gone');
    const { run } = terminatorOf(
      stations,
      { terminate: async () => 'gone' },
      { removeRunner: () => Promise.reject(suspended) },
    );
    await run(messages(endOrder(done), endOrder(idle)));
    assert.equal((await stations.table.readRunner(done))?.state, 'gone');
    assert.notEqual((await stations.table.readRunner(idle))?.state, 'gone');
  });

  it('removes by name when the id was never learned', async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(stations, name, ...launched, { kind: 'claim', windowMs: 60_000, timesMax: 3 }, surplus);
    await stations.clock.advance(60_000);
    const removed: number[] = [];
    const { run } = terminatorOf(
      stations,
      { terminate: async () => 'gone' },
      {
        findRunner: async () => ({ id: 99, name, status: 'offline', busy: false, version: null }),
        removeRunner: async (_scope, id) => {
          removed.push(id);
          return 'removed';
        },
      },
    );
    await run(messages(endOrder(name)));
    assert.deepEqual(removed, [99]);
    assert.equal((await stations.table.readRunner(name))?.state, 'gone');
  });

  it("stops a job at its pool's wall without asking GitHub", async () => {
    const stations = stationsOf();
    const name = await stations.order();
    await know(
      stations,
      name,
      ...registered,
      { kind: 'busy', job: null, gitHubId: 5 },
      { kind: 'removing', code: 'jobTime', why: 'too long' },
    );
    const { run, github } = terminatorOf(stations, { terminate: async () => 'gone' }, {});
    await run(messages(endOrder(name)));
    assert.deepEqual(github.calls, []);
    assert.deepEqual((await stations.table.readRunner(name))?.end, { code: 'jobTime', why: 'too long' });
  });

  it('ends the machine of a spare whose activation was never begun, and keeps its place until then', async () => {
    const stations = stationsOf();
    const name = await stations.order({
      activates: { spare: 'tst0-one-lint-00000000000000000000000000' as RunnerName, machine: machine('m7') },
      machine: machine('m7'),
    });
    await know(stations, name, surplus);
    const { run, host } = terminatorOf(stations, { terminate: async () => 'ending' }, {});
    await run(messages(endOrder(name)));
    assert.deepEqual(host.calls, ['terminate']);
    assert.notEqual((await stations.table.readRunner(name))?.state, 'gone');
  });
});
