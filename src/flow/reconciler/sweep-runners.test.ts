import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { claimed, launched, machine, marked, online, registered } from '../../../test/fixtures/items.ts';
import {
  entryOf,
  know,
  look,
  reconcilerDeps,
  runnerList,
  runnerOf,
} from '../../../test/fixtures/reconciling.ts';
import { createStations, prefix, type Stations } from '../../../test/fixtures/stations.ts';
import type { RunnerName } from '../../core/ids.ts';
import type { RunnerFact } from '../../core/runner.ts';
import { type GitHub, GitHubError, type RunnerEntry } from '../../ports/github.ts';
import { touchAgainMs } from '../publisher/touch.ts';

const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));

async function sweep(
  stations: Stations,
  entries: RunnerEntry[],
  github: Partial<GitHub> = {},
  touchedAt = 0,
) {
  const removed: number[] = [];
  const deps = reconcilerDeps(stations, {
    listRunners: async () => entries,
    removeRunner: async (_, id) => {
      removed.push(id);
      return 'removed';
    },
    ...github,
  });
  const kept = await look(deps, { ...runnerList, touchedAt });
  return { removed, afterMs: kept.nextAt - stations.clock.now() };
}

async function made(stations: Stations, facts: readonly RunnerFact[]): Promise<RunnerName> {
  const name = await stations.order();
  await know(stations, name, ...facts);
  return name;
}

describe("GitHub's list of runners", () => {
  it('makes busy what comes or has to go, with a job that is not known yet', async () => {
    for (const facts of [
      claimed,
      online,
      [...online, { kind: 'assigned' } as const],
      [...online, { kind: 'removing', code: 'surplus', why: '' } as const],
    ]) {
      const stations = stationsOf();
      const name = await made(stations, facts);
      await sweep(stations, [entryOf(name, { busy: true })]);
      const runner = await runnerOf(stations, name);
      assert.equal(runner.state, 'busy');
      assert.equal(runner.job, null);
      assert.equal(runner.removing, null);
    }
  });

  it('makes online what is launched or claimed, and not what is only registered', async () => {
    for (const facts of [marked, launched, registered]) {
      const stations = stationsOf();
      const name = await made(stations, facts);
      await sweep(stations, [entryOf(name, { status: 'offline' })]);
      assert.notEqual((await runnerOf(stations, name)).state, 'online');
      await sweep(stations, [entryOf(name)]);
      assert.equal((await runnerOf(stations, name)).state, 'online');
    }
  });

  it('writes nothing for what is known already', async () => {
    const stations = stationsOf();
    const idle = await made(stations, online);
    const busy = await made(stations, [...online, { kind: 'busy', job: null, gitHubId: 5 }]);
    const before = [await runnerOf(stations, idle), await runnerOf(stations, busy)];
    await sweep(stations, [entryOf(idle), entryOf(busy, { busy: true })]);
    assert.deepEqual([await runnerOf(stations, idle), await runnerOf(stations, busy)], before);
  });

  it('that is older than a repeated claim says nothing by the registration that is gone', async () => {
    const stations = stationsOf();
    const name = await made(stations, registered);
    await sweep(stations, [entryOf(name, { id: 4, busy: true })]);
    const runner = await runnerOf(stations, name);
    assert.equal(runner.gitHubId, 5);
    assert.equal(runner.state, 'claimed');
  });

  it('that lacks a runner twice in a row begins its removal, or takes its job for done; a list alone ends nothing', async () => {
    const stations = stationsOf();
    const idle = await made(stations, online);
    const busy = await made(stations, [...online, { kind: 'busy', job: null, gitHubId: 5 }]);
    await stations.clock.advance(timing.missingMs + 1);
    await sweep(stations, []);
    assert.equal((await runnerOf(stations, idle)).removing, null);
    assert.equal((await runnerOf(stations, busy)).state, 'busy');
    await sweep(stations, []);
    assert.equal((await runnerOf(stations, idle)).removing?.code, 'unregistered');
    assert.equal((await runnerOf(stations, busy)).state, 'ending');
    assert.equal((await runnerOf(stations, idle)).state, 'online');
  });

  it('that has the runner in between begins to count anew', async () => {
    const stations = stationsOf();
    const idle = await made(stations, online);
    const busy = await made(stations, [...online, { kind: 'busy', job: null, gitHubId: 5 }]);
    await stations.clock.advance(timing.missingMs + 1);
    await sweep(stations, []);
    await sweep(stations, [entryOf(idle), entryOf(busy, { busy: true })]);
    await sweep(stations, []);
    assert.equal((await runnerOf(stations, idle)).removing, null);
    assert.equal((await runnerOf(stations, busy)).state, 'busy');
  });

  it('that was asked when the claim was just answered says nothing of what it lacks', async () => {
    const stations = stationsOf();
    const name = await made(stations, online);
    await stations.clock.advance(timing.missingMs);
    await sweep(stations, []);
    await sweep(stations, []);
    assert.equal((await runnerOf(stations, name)).missing, 0);
  });
});

describe('an entry of ours without a live record', () => {
  it('is deleted, where there never was one or its runner is gone; a stranger is never touched', async () => {
    const stations = stationsOf();
    const gone = await made(stations, [...online, { kind: 'gone', code: 'ended', why: '' }]);
    const { removed } = await sweep(stations, [
      entryOf(gone, { id: 1 }),
      entryOf(`${prefix}-one-lint-${'y'.repeat(26)}`, { id: 2 }),
      entryOf('somebody', { id: 3 }),
      entryOf(`othr-one-lint-${'y'.repeat(26)}`, { id: 4 }),
    ]);
    assert.deepEqual(removed, [1, 2]);
  });

  it('that can not be deleted does not keep the rest of the list from being read', async () => {
    const stations = stationsOf();
    const name = await made(stations, launched);
    const { afterMs } = await sweep(
      stations,
      [entryOf(`${prefix}-one-lint-${'y'.repeat(26)}`, { id: 2 }), entryOf(name)],
      { removeRunner: () => Promise.reject(new GitHubError('forbidden', 'no')) },
    );
    assert.equal((await runnerOf(stations, name)).state, 'online');
    assert.equal(afterMs, timing.runnerListMs);
  });
});

describe('the next look at a scope', () => {
  it('is a minute later while it has runners, here or at GitHub, and ten minutes later when it has none', async () => {
    const idle = stationsOf();
    assert.equal((await sweep(idle, [])).afterMs, timing.runnerListIdleMs);
    assert.equal((await sweep(idle, [entryOf('somebody')])).afterMs, timing.runnerListIdleMs);
    const ours = stationsOf();
    await made(ours, [{ kind: 'note', what: 'only ordered' }]);
    assert.equal((await sweep(ours, [])).afterMs, timing.runnerListMs);
    const theirs = stationsOf();
    const entry = entryOf(`${prefix}-one-lint-${'y'.repeat(26)}`);
    assert.equal((await sweep(theirs, [entry])).afterMs, timing.runnerListMs);
  });

  it('stays a minute later while an order may not have said that the scope is in use again', async () => {
    const stations = stationsOf();
    const touchedAt = stations.clock.now();
    await stations.clock.advance(touchAgainMs);
    assert.equal((await sweep(stations, [], {}, touchedAt)).afterMs, timing.runnerListMs);
    await stations.clock.advance(timing.runnerListMs);
    assert.equal((await sweep(stations, [], {}, touchedAt)).afterMs, timing.runnerListIdleMs);
  });

  it('leaves out the runners of other scopes', async () => {
    const stations = stationsOf();
    const name = await stations.order({ scope: { owner: 'beta', repository: null, installation: 8 } });
    await know(stations, name, ...online, { kind: 'launched', machine: machine('m1') });
    await stations.clock.advance(timing.missingMs + 1);
    assert.equal((await sweep(stations, [])).afterMs, timing.runnerListIdleMs);
    assert.equal((await runnerOf(stations, name)).missing, 0);
  });
});
