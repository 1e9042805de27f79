import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings } from '../../../test/fixtures/books.ts';
import { launched, machine, marked, online } from '../../../test/fixtures/items.ts';
import { createStations, hostName, type Stations, silent } from '../../../test/fixtures/stations.ts';
import type { HostName, RunnerName } from '../../core/ids.ts';
import type { Runner, RunnerFact } from '../../core/runner.ts';
import type { HostEvent } from '../../ports/host.ts';
import { createHostEventDoor } from './host-event.ts';

/** What becomes of a runner, of which these facts are known, when its host says so. */
async function told(
  facts: readonly RunnerFact[],
  event: Partial<HostEvent>,
  by: HostName = hostName,
): Promise<{ runner: Runner; stations: Stations }> {
  const stations = createStations(configurationOf([poolSettings('lint')]));
  const name: RunnerName = await stations.order();
  await stations.table.recordRunner(name, facts, stations.clock.now());
  const door = createHostEventDoor({ ...stations, telemetry: silent });
  const at = stations.clock.now();
  await door(by, { name, machine: machine('m1'), happened: 'gone', cause: 'it ended', at, ...event });
  const runner = await stations.table.readRunner(name);
  assert.ok(runner);
  return { runner, stations };
}

describe('the word of a host', () => {
  it('that a machine is gone frees its place', async () => {
    const { runner } = await told(launched, {});
    assert.equal(runner.state, 'gone');
    assert.equal(runner.end?.why, 'it ended');
  });

  it('that another machine of the name is gone frees nothing', async () => {
    const { runner } = await told(launched, { machine: machine('m2') });
    assert.equal(runner.state, 'launched');
  });

  it('that what never claimed is gone frees the place of a runner that nobody has claimed, and of no other', async () => {
    const never = { neverClaimed: true, machine: null };
    assert.equal((await told(launched, never)).runner.state, 'gone');
    const claim: RunnerFact = { kind: 'claim', windowMs: 60_000, timesMax: 3 };
    assert.equal((await told([...launched, claim], never)).runner.state, 'claimed');
    assert.equal((await told([...launched, claim], { machine: null })).runner.state, 'gone');
  });

  it('that a boot has failed is an intent to end it, counted against its pool, and frees nothing by itself', async () => {
    const { runner } = await told(launched, { happened: 'failed', cause: 'its image can not be pulled' });
    assert.equal(runner.state, 'launched');
    assert.deepEqual(
      [runner.removing?.code, runner.removing?.why],
      ['refused', 'its image can not be pulled'],
    );
  });

  it('that a boot has failed ends no runner that has a job', async () => {
    const busy: RunnerFact = { kind: 'busy', job: null, gitHubId: 5 };
    const { runner } = await told([...online, busy], { happened: 'failed' });
    assert.equal(runner.removing, null);
  });

  it('that a machine waits is a note for people, and changes nothing', async () => {
    const { runner } = await told(marked, { happened: 'waits', cause: 'no node has room' });
    assert.equal(runner.state, 'launching');
    assert.equal(runner.removing, null);
    assert.equal(runner.timeline.at(-1)?.why, 'no node has room');
  });

  it('about a runner of another host is not taken', async () => {
    const { runner } = await told(launched, {}, 'two' as HostName);
    assert.equal(runner.state, 'launched');
  });
});
