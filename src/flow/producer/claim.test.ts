import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings, timing } from '../../../test/fixtures/books.ts';
import { launched as launchedFacts } from '../../../test/fixtures/items.ts';
import { know } from '../../../test/fixtures/reconciling.ts';
import { createStations, machine, type Stations, scripted, silent } from '../../../test/fixtures/stations.ts';
import type { RunnerName } from '../../core/ids.ts';
import type { Runner } from '../../core/runner.ts';
import { type GitHub, GitHubError } from '../../ports/github.ts';
import { createClaimDoor } from './claim.ts';
import { createMilestoneDoor } from './milestone.ts';

const key = Buffer.alloc(32, 5).toString('base64url');
const hashOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const stationsOf = () => createStations(configurationOf([poolSettings('lint')]));

function doorOf(stations: Stations, github: Partial<GitHub>) {
  return createClaimDoor({
    ...stations,
    github: scripted<GitHub>('github', github),
    telemetry: silent,
    timing,
  });
}

async function launched(stations: Stations, change: Partial<Runner> = {}): Promise<RunnerName> {
  const name = await stations.order(change);
  const now = stations.clock.now();
  await stations.table.recordRunner(
    name,
    [
      { kind: 'lease', owner: 'o', until: now + 30_000 },
      { kind: 'mark', owner: 'o' },
      { kind: 'launched', machine: machine('m1') },
    ],
    now,
  );
  return name;
}

const minting = (calls: { count: number } = { count: 0 }): Partial<GitHub> => ({
  mintRunner: async () => {
    calls.count += 1;
    return { outcome: 'minted', runnerId: calls.count, jitConfig: `config ${calls.count}` };
  },
});

describe('the claim', () => {
  it('gives the configuration to one machine, once', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const calls = { count: 0 };
    const door = doorOf(stations, { ...minting(calls), findRunner: async () => null });
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    const answer = await door(body);
    assert.equal(answer.status, 200);
    assert.equal(answer.body['jitConfig'], 'config 1');
    assert.equal((await stations.table.readRunner(name))?.gitHubId, 1);
    await stations.table.recordRunner(name, [{ kind: 'online', gitHubId: 1 }], stations.clock.now());
    assert.equal((await door(body)).status, 410);
    assert.equal(calls.count, 1);
  });

  it('repeats a lost answer for a minute, three times at most, freeing the name first', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const removed: number[] = [];
    const door = doorOf(stations, {
      ...minting(),
      findRunner: async () => ({ id: 41, name, status: 'offline', busy: false, version: null }),
      removeRunner: async (_scope, id) => {
        removed.push(id);
        return 'removed';
      },
    });
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    assert.deepEqual(
      [
        (await door(body)).status,
        (await door(body)).status,
        (await door(body)).status,
        (await door(body)).status,
      ],
      [200, 200, 200, 410],
    );
    assert.deepEqual(removed, [41, 41]);
    await stations.clock.advance(61_000);
    assert.equal((await door(body)).status, 410);
  });

  it("refuses a wrong proof, a stranger, and another runner's token alike", async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const other = await launched(stations);
    const door = doorOf(stations, {});
    for (const body of [
      null,
      {},
      { runner: name, token: '1.forged' },
      { runner: name, token: stations.tokens.make(other, 1) },
      { runner: 'not-ours', token: stations.tokens.make(name, 1) },
      { runner: name, token: 'x'.repeat(1_000) },
    ]) {
      assert.equal((await door(body)).status, 401);
    }
    assert.equal((await stations.table.readRunner(name))?.claim, null);
  });

  it('gives nothing to a runner that is to go', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    await stations.table.recordRunner(
      name,
      [{ kind: 'removing', code: 'surplus', why: 'no job waits for it' }],
      stations.clock.now(),
    );
    const answer = await doorOf(stations, {})({ runner: name, token: stations.tokens.make(name, 1) });
    assert.equal(answer.status, 410);
  });

  it('says with its refusal whether another has the configuration', async () => {
    const stations = stationsOf();
    const surplus = { kind: 'removing', code: 'surplus', why: 'no job waits for it' } as const;
    const unclaimed = await launched(stations);
    await know(stations, unclaimed, surplus);
    const claimed = await launched(stations);
    const door = doorOf(stations, minting());
    assert.equal((await door({ runner: claimed, token: stations.tokens.make(claimed, 1) })).status, 200);
    await know(stations, claimed, surplus);
    for (const [name, isClaimed] of [
      [unclaimed, false],
      [claimed, true],
    ] as const) {
      const refused = await door({ runner: name, token: stations.tokens.make(name, 1) });
      assert.equal(refused.status, 410);
      assert.equal(refused.body['claimed'], isClaimed);
    }
  });

  it('tells the machine when GitHub has room again, and lets it claim again then', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    let limited = true;
    const door = doorOf(stations, {
      mintRunner: async () => {
        if (limited) throw new GitHubError('limited', 'secondary limit', stations.clock.now() + 90_000);
        return { outcome: 'minted', runnerId: 8, jitConfig: 'c' };
      },
    });
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    const answer = await door(body);
    assert.equal(answer.status, 429);
    assert.equal(answer.retryAfterSeconds, 90);
    limited = false;
    await stations.clock.advance(90_000);
    assert.equal((await door(body)).status, 200);
  });

  it("lets a spare stand by, and gives its successor's configuration to the same proof", async () => {
    const stations = stationsOf();
    const spare = await launched(stations, { lane: null, scope: null });
    const door = doorOf(stations, minting());
    const body = { runner: spare, token: stations.tokens.make(spare, 1) };
    const answer = await door(body);
    assert.equal(answer.status, 202);
    assert.ok(answer.retryAfterSeconds);
    assert.equal((await stations.table.readRunner(spare))?.state, 'standby');
  });

  it('lets a machine that was chosen to be put to work stand by until its activation was begun', async () => {
    const stations = stationsOf();
    const spare = await launched(stations, { lane: null, scope: null });
    const body = { runner: spare, token: stations.tokens.make(spare, 1) };
    await stations.table.recordRunner(spare, [{ kind: 'standby' }], stations.clock.now());
    const activates = { spare, machine: machine('m1') };
    const successor = await stations.order({ activates, machine: machine('m1') });
    await stations.handOver(spare, successor);
    const door = doorOf(stations, minting());
    assert.equal((await door(body)).status, 202);
    assert.equal((await stations.table.readRunner(successor))?.claim, null);
    await stations.table.recordRunner(
      successor,
      [
        { kind: 'lease', owner: 'o', until: stations.clock.now() + 30_000 },
        { kind: 'mark', owner: 'o' },
      ],
      stations.clock.now(),
    );
    assert.equal((await door(body)).body['runner'], successor);
  });

  it('follows a machine from runner to runner, whatever name it knows', async () => {
    const stations = stationsOf();
    const first = await launched(stations, { keyHash: hashOf(key) });
    const spare = await stations.order({ lane: null, scope: null, counted: 'standby', keyHash: hashOf(key) });
    await stations.handOver(first, spare);
    const next = await launched(stations, { keyHash: hashOf(key) });
    await stations.handOver(spare, next);
    const door = doorOf(stations, minting());
    const answer = await door({ runner: first, token: stations.tokens.make(first, 1), key, next: true });
    assert.equal(answer.status, 200);
    assert.equal(answer.body['runner'], next, 'it is told its new name');
  });

  it('has a machine wait that has had its job, until its end is known', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const door = doorOf(stations, minting());
    const body = { runner: name, token: stations.tokens.make(name, 1), key };
    assert.equal((await door(body)).status, 200);
    const asked = await door({ ...body, next: true });
    assert.equal(asked.status, 503);
    assert.ok((asked.retryAfterSeconds ?? 0) > 0);
    assert.equal((await stations.table.readRunner(name))?.claim?.times, 1, 'it is no repeated claim');
    const spare = await stations.order({ lane: null, scope: null, counted: 'standby', keyHash: hashOf(key) });
    await stations.handOver(name, spare);
    await know(stations, spare, ...launchedFacts);
    assert.equal((await door({ ...body, next: true })).status, 202);
    assert.equal((await stations.table.readRunner(spare))?.state, 'standby');
  });

  it('ends a machine that asks what is next where nothing follows', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    await know(stations, name, { kind: 'gone', code: 'ended', why: '' });
    const door = doorOf(stations, {});
    const body = { runner: name, token: stations.tokens.make(name, 1), key, next: true };
    assert.equal((await door(body)).status, 410);
  });

  it('keeps the hash of the key of the first claim, and gives nothing to whoever has another', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const door = doorOf(stations, { ...minting(), findRunner: async () => null });
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    assert.equal((await door({ ...body, key })).status, 200);
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.keyHash, hashOf(key));
    assert.ok(!JSON.stringify(runner).includes(key), 'the key itself is kept nowhere');
    for (const other of [{ ...body, key: 'x'.repeat(43) }, body]) {
      const answer = await door(other);
      assert.equal(answer.status, 401);
      assert.equal(answer.body['jitConfig'], undefined);
    }
    assert.equal((await door({ ...body, key })).status, 200, 'a lost answer is repeated to the same machine');
  });

  it('lets nobody without the key of a spare stand by for it', async () => {
    const stations = stationsOf();
    const spare = await launched(stations, {
      lane: null,
      scope: null,
      counted: 'standby',
      keyHash: hashOf(key),
    });
    const door = doorOf(stations, {});
    const body = { runner: spare, token: stations.tokens.make(spare, 1) };
    assert.equal((await door(body)).status, 401);
    assert.equal((await stations.table.readRunner(spare))?.state, 'launched');
    assert.equal((await door({ ...body, key })).status, 202);
  });

  it('takes no key that could be guessed', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const body = { runner: name, token: stations.tokens.make(name, 1), key: 'short' };
    assert.equal((await doorOf(stations, {})(body)).status, 401);
  });

  it('keeps a runner that is at work, when its proof is used once more, and blames nobody', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    const door = doorOf(stations, {
      ...minting(),
      findRunner: async () => ({ id: 1, name, status: 'online', busy: true, version: null }),
      removeRunner: async () => 'busy',
    });
    assert.equal((await door(body)).status, 200);
    assert.equal((await door(body)).status, 410);
    const runner = await stations.table.readRunner(name);
    assert.equal(runner?.removing, null);
    assert.equal(runner?.state, 'assigned');
  });

  it('stores no id of a claim that stalled while the machine asked again', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    const again = doorOf(stations, {
      mintRunner: async () => ({ outcome: 'minted', runnerId: 2, jitConfig: 'second' }),
      findRunner: async () => null,
    });
    const first = doorOf(stations, {
      mintRunner: async () => {
        assert.equal((await again(body)).status, 200);
        return { outcome: 'minted', runnerId: 1, jitConfig: 'first' };
      },
    });
    assert.equal((await first(body)).status, 503);
    assert.equal((await stations.table.readRunner(name))?.gitHubId, 2);
  });

  it('remembers an earlier answer when GitHub limits a repeated claim', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const body = { runner: name, token: stations.tokens.make(name, 1) };
    const door = doorOf(stations, {
      ...minting(),
      findRunner: () => Promise.reject(new GitHubError('limited', 'secondary limit', null)),
    });
    assert.equal((await door(body)).status, 200);
    assert.equal((await door(body)).status, 429);
    assert.notEqual((await stations.table.readRunner(name))?.claim, null);
  });

  it('ends a runner that GitHub refuses to register, with the reason', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const door = doorOf(stations, {
      mintRunner: async () => ({ outcome: 'refused', reason: 'no runner group "ios"' }),
    });
    assert.equal((await door({ runner: name, token: stations.tokens.make(name, 1) })).status, 410);
    const { code, why } = (await stations.table.readRunner(name))?.removing ?? {};
    assert.deepEqual({ code, why }, { code: 'mintRefused', why: 'no runner group "ios"' });
  });
});

describe('a milestone', () => {
  it('is a note: it changes no state and no count, and their number is bounded', async () => {
    const stations = stationsOf();
    const name = await launched(stations);
    const before = await stations.table.readRunner(name);
    const door = createMilestoneDoor(stations);
    const body = {
      runner: name,
      token: stations.tokens.make(name, 1),
      milestone: 'jobEnded',
      detail: 'x\u0000y',
    };
    const statuses: number[] = [];
    for (let i = 0; i < 20; i += 1) statuses.push((await door(body)).status);
    assert.equal(statuses.filter((status) => status === 202).length, 12);
    const after = await stations.table.readRunner(name);
    assert.equal(after?.state, before?.state);
    assert.deepEqual(after?.dirty, before?.dirty);
    assert.equal((await door({ ...body, milestone: 'rooted' })).status, 400);
    assert.equal((await door({ ...body, token: 'no' })).status, 401);
  });
});
