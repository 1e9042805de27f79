import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { configurationOf, poolSettings } from '../../test/fixtures/books.ts';
import type { Configuration, PoolSettings } from './configuration.ts';
import { fits, type JobWishes, matchesPattern, route } from './routing.ts';

const wishes = (labels: string[], change: Partial<JobWishes> = {}): JobWishes => ({
  labels,
  repository: 'acme/app',
  isPublic: false,
  ownedByOrganisation: true,
  installation: 7,
  ...change,
});
const by = (...pools: PoolSettings[]): Configuration => configurationOf(pools);
const poolOf = (job: JobWishes, configuration: Configuration) => {
  const routing = route(job, configuration);
  return routing.kind === 'lane'
    ? routing.lane.split('#')[0]
    : routing.kind === 'refused'
      ? routing.code
      : 'ignored';
};
const textOf = (job: JobWishes, configuration: Configuration) => {
  const routing = route(job, configuration);
  return routing.kind === 'refused' ? routing.text : '';
};

const small = poolSettings('small', { labels: ['linux', 'self-hosted'] });
const big = poolSettings('big', { labels: ['big', 'linux', 'self-hosted'] });

describe('a job', () => {
  it('belongs to the first pool whose labels contain all of its own, compared without case', () => {
    assert.equal(poolOf(wishes(['self-hosted', 'LINUX']), by(small, big)), 'small');
    assert.equal(poolOf(wishes(['self-hosted', 'linux']), by(big, small)), 'big');
    assert.equal(poolOf(wishes(['Big']), by(small, big)), 'big');
  });

  it('that asks for nothing fits nothing', () => {
    assert.ok(!fits([], small));
    assert.equal(poolOf(wishes([]), by(small)), 'ignored');
  });

  it('that is none of our business is ignored, and one that asks for a label of ours is refused with its reason', () => {
    assert.equal(poolOf(wishes(['ubuntu-latest']), by(small)), 'ignored');
    assert.equal(poolOf(wishes(['self-hosted', 'gpu']), by(small)), 'noPool');
    assert.match(
      textOf(wishes(['linux', 'gpu']), by(small)),
      /no pool has the label "gpu"; nearest is pool small$/,
    );
    const mac = poolSettings('mac', { labels: ['mac', 'self-hosted'] });
    assert.match(
      textOf(wishes(['linux', 'mac']), by(small, mac)),
      /no one pool has all of the labels "linux", "mac"; nearest is pool small, which lacks "mac"$/,
    );
  });

  it('of an owner that is not allowed is refused', () => {
    const job = wishes(['linux'], { repository: 'stranger/app' });
    assert.equal(poolOf(job, by(small)), 'ownerNotAllowed');
    assert.equal(poolOf(job, { ...by(small), allow: { kind: 'onlyInstallation' } }), 'small');
  });

  it('goes on to a later pool where an earlier one does not admit its repository, and is refused where none does', () => {
    const ios = poolSettings('ios', { labels: ['linux'], repositories: ['acme/ios-*'] });
    assert.equal(poolOf(wishes(['linux']), by(ios, small)), 'small');
    assert.equal(poolOf(wishes(['linux'], { repository: 'acme/ios-app' }), by(ios, small)), 'ios');
    assert.equal(poolOf(wishes(['linux']), by(ios)), 'repositoryNotAllowed');
    assert.match(textOf(wishes(['linux']), by(ios)), /acme\/app may not use the pool that fits \(ios\)/);
  });

  it('of a public repository needs a pool that allows it', () => {
    const open = poolSettings('open', { labels: ['linux'], publicRepositories: 'allow' });
    const job = wishes(['linux'], { isPublic: true });
    assert.equal(poolOf(job, by(small)), 'publicRepository');
    assert.equal(poolOf(job, by(small, open)), 'open');
  });

  it('shows six of its labels at most in a reason', () => {
    const labels = Array.from({ length: 30 }, (_, index) => `unknown-${index}`);
    assert.equal(textOf(wishes(['self-hosted', ...labels]), by(small)).match(/unknown-/g)?.length, 6);
  });
});

describe('the lane of a job', () => {
  const laneOf = (job: JobWishes, pool: PoolSettings) => {
    const routing = route(job, by(pool));
    return routing.kind === 'lane' ? [routing.lane, routing.scope] : null;
  };

  it("is its organisation's, in the pool's runner group", () => {
    assert.deepEqual(laneOf(wishes(['linux']), { ...small, group: 'trusted' }), [
      'small#acme#trusted',
      { owner: 'acme', repository: null, installation: 7 },
    ]);
  });

  it("is its repository's where the pool says so, or where there is no organisation to register at", () => {
    const own = ['small#acme/app#default', { owner: 'acme', repository: 'app', installation: 7 }];
    assert.deepEqual(laneOf(wishes(['linux']), { ...small, register: 'repository' }), own);
    assert.deepEqual(laneOf(wishes(['linux'], { ownedByOrganisation: false }), small), own);
  });
});

describe('a pattern', () => {
  it('matches the whole of owner and name, with a star for any characters within one of them', () => {
    const yes = [
      ['acme/app', 'acme/app'],
      ['acme/*', 'acme/app'],
      ['acme', 'acme/app'],
      ['*', 'acme/app'],
      ['*/app', 'acme/app'],
      ['acme/a*p', 'acme/ap'],
      ['Acme/App', 'acme/app'],
      ['acme/*-*-x', 'acme/a-b-c-x'],
    ] as const;
    for (const [pattern, repository] of yes) assert.ok(matchesPattern(pattern, repository), pattern);
    const no = [
      ['acme/app', 'acme/app2'],
      ['acme/app', 'xacme/app'],
      ['acme/a*', 'acme/ba'],
      ['acme/a*a', 'acme/a'],
      ['acme/*app', 'acme/apps'],
      ['ac*', 'beta/acme'],
      ['acme/*-*-x', 'acme/a-x'],
      ['acme/.*', 'acme/app'],
    ] as const;
    for (const [pattern, repository] of no) assert.ok(!matchesPattern(pattern, repository), pattern);
  });
});
