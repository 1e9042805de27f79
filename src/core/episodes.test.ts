import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  configurationOf,
  createBooks,
  hostSettings,
  launchesOf,
  poolSettings,
} from '../../test/fixtures/books.ts';
import { type Episode, episodesMax, withObstacles } from './episodes.ts';
import type { HostName, PoolName } from './ids.ts';
import type { Obstacle } from './obstacle.ts';
import { lostItsRunner, waited } from './timeline.ts';

const paused = (pool: string): Obstacle => ({ code: 'paused', pool: pool as PoolName });
const throttledUntil = (until: number): Obstacle => ({ code: 'throttled', host: 'one' as HostName, until });
const at = (now: number, isWhole = true) => ({ now, isWhole });

describe('episodes', () => {
  test('one lasts from the first plan that sees the obstacle to the first that does not', () => {
    const begun = withObstacles([], [paused('a'), paused('a')], at(1_000));
    assert.deepEqual(begun, [{ what: paused('a'), from: 1_000, to: null }]);
    assert.deepEqual(withObstacles(begun, [paused('a')], at(60_000)), begun);
    assert.deepEqual(withObstacles(begun, [], at(61_000)), [{ what: paused('a'), from: 1_000, to: 61_000 }]);
  });

  test('a plan that did not look at all lanes ends none', () => {
    const begun = withObstacles([], [paused('a')], at(1_000));
    assert.deepEqual(withObstacles(begun, [], at(5_000, false)), begun);
  });

  test('one that comes back within half a minute never went, and one of less than a second never was', () => {
    const begun = withObstacles([], [paused('a')], at(1_000));
    const over = withObstacles(begun, [], at(20_000));
    assert.deepEqual(withObstacles(over, [paused('a')], at(49_000)), begun);
    assert.equal(withObstacles(over, [paused('a')], at(51_000)).length, 2);
    assert.deepEqual(withObstacles(begun, [], at(1_500)), []);
  });

  test('one whose end is known ends then, however late the next plan is', () => {
    const begun = withObstacles([], [throttledUntil(30_000)], at(1_000));
    assert.deepEqual(withObstacles(begun, [], at(500_000)), [
      { what: throttledUntil(30_000), from: 1_000, to: 30_000 },
    ]);
    const [, second] = withObstacles(begun, [throttledUntil(600_000)], at(500_000));
    assert.deepEqual(second, { what: throttledUntil(600_000), from: 500_000, to: null });
  });

  test('the numbers of one are those of its last plan', () => {
    const begun = withObstacles([], [throttledUntil(30_000)], at(1_000));
    assert.deepEqual(withObstacles(begun, [throttledUntil(60_000)], at(30_000)), [
      { what: throttledUntil(60_000), from: 1_000, to: null },
    ]);
  });

  test('they are few: the oldest that are over go, and those that are not stay', () => {
    let episodes: readonly Episode[] = withObstacles([], [paused('open')], at(0));
    for (let n = 1; n <= 40; n += 1) {
      episodes = withObstacles(episodes, [paused('open'), paused(`p${n}`)], at(n * 60_000));
      episodes = withObstacles(episodes, [paused('open')], at(n * 60_000 + 5_000));
    }
    assert.equal(episodes.length, episodesMax);
    assert.deepEqual(episodes[0], { what: paused('open'), from: 0, to: null });
    assert.deepEqual(episodes.at(-1)?.what, paused('p40'));
    const many = Array.from({ length: 40 }, (_, n) => paused(`q${n}`));
    assert.equal(withObstacles([], many, at(0)).length, episodesMax);
  });
});

describe('what a job waited for', () => {
  const lint = (id: number) => ({ id, labels: ['lint'] });
  const entriesOf = (books: ReturnType<typeof createBooks>, id: number, what: string) =>
    books.job(id).timeline.filter((entry) => entry.what === what);

  test('is in its timeline once it is ordered a runner, with how long and with the numbers', () => {
    const books = createBooks(
      configurationOf([poolSettings('lint'), poolSettings('big')], [hostSettings('one', { limit: 2 })]),
    );
    books.queued({ id: 1, labels: ['big'] });
    books.queued({ id: 2, labels: ['big'] });
    const [first] = launchesOf(books.settle());
    assert.ok(first);
    books.queued(lint(3));
    books.queued(lint(4));
    const begun = books.now();
    books.settle();
    assert.deepEqual(entriesOf(books, 4, 'waits'), [
      {
        at: begun,
        what: 'waits',
        why: 'host one is at its limit, 2 of 2 machines alive over all its pools: 2 of pool big; 1 job of its lane before it',
      },
    ]);
    books.pass(8 * 60_000);
    books.learn(first, { kind: 'gone', code: 'ended', why: 'it ended' });
    books.settle();
    assert.deepEqual(entriesOf(books, 3, waited), [
      {
        at: begun,
        what: waited,
        why: 'host one is at its limit, 2 of 2 machines alive over all its pools: 2 of pool big',
        forMs: 8 * 60_000,
      },
    ]);
    assert.deepEqual(entriesOf(books, 4, waited), [], 'it waits on, and its wait is in the ledger');
  });

  test('is in its timeline when it starts on a runner that was ordered for another', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 1 })]));
    books.queued(lint(1));
    const [name] = launchesOf(books.settle());
    assert.ok(name);
    books.queued(lint(2));
    books.settle();
    books.pass(90_000);
    books.bringOnline(name);
    books.inProgress(lint(2), name);
    books.settle();
    const [wait] = entriesOf(books, 2, waited);
    assert.equal(wait?.forMs, 90_000);
    assert.match(wait?.why ?? '', /^pool lint is at its limit, 1 of 1 alive: 1 coming$/);
    const [lost] = entriesOf(books, 1, lostItsRunner);
    assert.equal(lost?.why, `${name}: GitHub gave it job 2`);
  });

  test('costs no item of any commit: the same plans write the same items with and without waits', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 1 })]));
    books.queued(lint(1));
    books.settle();
    for (let id = 2; id <= 40; id += 1) books.queued(lint(id));
    books.settle();
    const commits = books.commits();
    const versions = books.jobs().map(({ version }) => version);
    for (let look = 0; look < 20; look += 1) {
      books.pass(60_000);
      books.planOnce('one' as HostName, false);
    }
    assert.equal(books.commits(), commits, 'plans that change nothing write nothing');
    assert.deepEqual(
      books.jobs().map(({ version }) => version),
      versions,
      'no job is written because it waits',
    );
  });

  test('is few entries, of whatever happened to its host', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { limit: 1 })]));
    books.queued(lint(1));
    const [name] = launchesOf(books.settle());
    assert.ok(name);
    books.queued(lint(2));
    const control = { host: 'one' as HostName, pool: 'lint' as PoolName, limitNow: null };
    for (let turn = 0; turn < 30; turn += 1) {
      books.control({ ...control, paused: turn % 2 === 0 });
      books.settle();
      books.pass(120_000);
    }
    books.bringOnline(name);
    books.inProgress(lint(2), name);
    books.settle();
    assert.equal(entriesOf(books, 2, waited).length, 4);
  });
});
