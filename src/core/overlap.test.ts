import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PoolName } from './ids.ts';
import { overlaps, type PoolReach, shadowed } from './overlap.ts';

function pool(name: string, labels: string[], more: Partial<PoolReach> = {}): PoolReach {
  return {
    name: name as PoolName,
    labels,
    register: 'organisation',
    repositories: null,
    publicRepositories: 'refuse',
    ...more,
  };
}

test('a pool whose labels are all in another pool is contained in it, in whatever order they stand', () => {
  const small = pool('small', ['linux']);
  const big = pool('big', ['gpu', 'linux']);
  assert.deepEqual(overlaps([small, big]), [{ kind: 'contained', smaller: 'small', bigger: 'big' }]);
  assert.deepEqual(overlaps([big, small]), [{ kind: 'contained', smaller: 'small', bigger: 'big' }]);
});

test('pools with some labels in common share those', () => {
  assert.deepEqual(
    overlaps([pool('lint', ['self-hosted', 'lint']), pool('build', ['build', 'self-hosted'])]),
    [{ kind: 'shared', first: 'lint', other: 'build', labels: ['self-hosted'] }],
  );
});

test('pools without a common label do not overlap', () => {
  assert.deepEqual(overlaps([pool('lint', ['lint']), pool('build', ['build'])]), []);
});

test('pools of different owners do not overlap, pools of two repositories of one organisation do', () => {
  const of = (...repositories: string[]) => ({ repositories });
  const two = (a: string, b: string) => overlaps([pool('a', ['x'], of(a)), pool('b', ['x'], of(b))]).length;
  assert.equal(two('acme/*', 'other/*'), 0);
  assert.equal(two('acme/app', 'acme/web'), 1);
  assert.equal(two('acme/app', '*/web'), 1);
});

test('runners that register at their repository meet only jobs of it', () => {
  const of = (...repositories: string[]) => ({ repositories, register: 'repository' as const });
  const two = (a: string, b: string) => overlaps([pool('a', ['x'], of(a)), pool('b', ['x'], of(b))]).length;
  assert.equal(two('acme/app', 'acme/web'), 0);
  assert.equal(two('acme/app-*', 'acme/*-web'), 1);
  assert.equal(two('acme/app-*', 'acme/web-*'), 0);
  assert.equal(two('acme/app', 'other/app'), 0);
});

test('a pool behind one that takes all of its jobs is shadowed', () => {
  const big = pool('big', ['gpu', 'linux']);
  const small = pool('small', ['linux']);
  assert.deepEqual(shadowed([big, small]), [{ pool: 'small', by: 'big' }]);
  assert.deepEqual(shadowed([small, big]), []);
});

test('a pool for repositories that the earlier one does not admit is not shadowed', () => {
  const some = pool('some', ['linux'], { repositories: ['acme/app-*'] });
  assert.deepEqual(shadowed([some, pool('rest', ['linux'])]), []);
  assert.deepEqual(shadowed([some, pool('web', ['linux'], { repositories: ['acme/app-web'] })]), [
    { pool: 'web', by: 'some' },
  ]);
  const open = pool('open', ['linux'], { publicRepositories: 'allow' });
  assert.deepEqual(shadowed([pool('closed', ['linux']), open]), []);
});

test('long patterns are compared in no time', () => {
  const stars = `acme/${'*a'.repeat(50)}`;
  const pools = [
    pool('a', ['x'], { repositories: [stars], register: 'repository' }),
    pool('b', ['x'], { repositories: [`${stars}b`], register: 'repository' }),
  ];
  assert.deepEqual(overlaps(pools), []);
});
