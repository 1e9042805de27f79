import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { createStations, hostName, machine, scripted, silent } from '../../../test/fixtures/stations.ts';
import type { RunnerFact } from '../../core/runner.ts';
import type { GitHub } from '../../ports/github.ts';
import { createClaimDoor } from './claim.ts';
import { createMilestoneDoor } from './milestone.ts';
import type { Identify } from './proof.ts';

const lease: RunnerFact[] = [
  { kind: 'lease', owner: 'o', until: 1_800_000_030_000 },
  { kind: 'mark', owner: 'o' },
];

/** Documents that say `machine m1` are good for host `one`. */
const identify: Identify = (host, identity) =>
  host === hostName && identity.startsWith('machine ') ? machine(identity.slice('machine '.length)) : null;

async function world(...facts: RunnerFact[]) {
  const stations = createStations(configurationOf([poolSettings('lint')]));
  const name = await stations.order();
  await stations.table.recordRunner(name, [...lease, ...facts], stations.clock.now());
  const mint = async () => ({ outcome: 'minted', runnerId: 5, jitConfig: 'config' }) as const;
  const github = scripted<GitHub>('github', { mintRunner: mint });
  const deps = { ...stations, github, telemetry: silent, timing, identify };
  return { stations, name, claim: createClaimDoor(deps), milestone: createMilestoneDoor(deps) };
}

const launched: RunnerFact = { kind: 'launched', machine: machine('m1') };

describe("a machine's signed document", () => {
  it('opens the claim of the runner whose machine it is', async () => {
    const { name, claim } = await world(launched);
    const answer = await claim({ runner: name, identity: 'machine m1' });
    assert.deepEqual([answer.status, answer.body['jitConfig']], [200, 'config']);
  });

  it("opens nothing of another machine's runner, whose claim stays free", async () => {
    const { name, claim, stations } = await world(launched);
    assert.equal((await claim({ runner: name, identity: 'machine m2' })).status, 410);
    assert.equal((await stations.table.readRunner(name))?.claim, null);
    assert.equal((await claim({ runner: name, identity: 'machine m1' })).status, 200);
  });

  it('is asked for again in a moment, where the answer to the launch was not written yet', async () => {
    const { name, claim, stations } = await world();
    const early = await claim({ runner: name, identity: 'machine m1' });
    assert.deepEqual([early.status, early.retryAfterSeconds], [503, 2]);
    await stations.table.recordRunner(name, [launched], stations.clock.now());
    assert.equal((await claim({ runner: name, identity: 'machine m1' })).status, 200);
  });

  it('proves nothing where it is not signed, or where the host has no such documents', async () => {
    const { name, claim, stations } = await world(launched);
    for (const identity of ['', 'forged', 'x'.repeat(10_000)])
      assert.equal((await claim({ runner: name, identity })).status, 401);
    const github = scripted<GitHub>('github', {});
    const without = createClaimDoor({ ...stations, github, telemetry: silent, timing });
    assert.equal((await without({ runner: name, identity: 'machine m1' })).status, 401);
  });

  it("notes what the machine says about its own runner, and about no other's", async () => {
    const { name, milestone, stations } = await world(launched);
    const said = { runner: name, milestone: 'booted' };
    assert.equal((await milestone({ ...said, identity: 'machine m1' })).status, 202);
    await milestone({ ...said, milestone: 'jobEnded', identity: 'machine m2' });
    const timeline = (await stations.table.readRunner(name))?.timeline ?? [];
    assert.deepEqual(
      timeline.map(({ what }) => what).filter((what) => what.startsWith('machine: ')),
      ['machine: booted'],
    );
  });
});
