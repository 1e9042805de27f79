import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Books,
  configurationOf,
  createBooks,
  endingsOf,
  hostSettings,
  launchesOf,
  poolSettings,
  timing,
} from '../../../test/fixtures/books.ts';
import type { HostName, RunnerName } from '../ids.ts';

const one = 'one' as HostName;
const lint = { id: 1, labels: ['lint'] };
const build = { id: 2, labels: ['build'] };

function standBy(books: Books, name: RunnerName): void {
  books.learn(name, { kind: 'lease', owner: 'o', until: books.now() + 30_000 });
  books.learn(name, { kind: 'mark', owner: 'o' });
  books.learn(name, { kind: 'launched', machine: `m-${name}` as never });
  books.learn(name, { kind: 'standby' });
}

/** A host whose places are all taken by spares of `lint`. */
function fullOfSpares(spares: number): { books: Books; names: RunnerName[] } {
  const pools = [poolSettings('lint', { spares }), poolSettings('build')];
  const books = createBooks(configurationOf(pools, [hostSettings('one', { limit: spares })]));
  return { books, names: launchesOf(books.settle()) };
}

describe('a release', () => {
  it('of a spare that nobody began to launch frees its place at once, and the job gets it without waiting', () => {
    const { books } = fullOfSpares(2);
    books.queued(build);
    const step = books.planOnce(one, false);
    assert.equal(step.more, true, 'a place came free: there is more that can be done now');
    assert.equal(launchesOf(books.settle()).length, 1);
    assert.equal(books.alive().length, 2);
  });

  it('gives up one spare for one job, however often the plan is made while its machine ends', () => {
    const { books, names } = fullOfSpares(3);
    for (const name of names) standBy(books, name);
    books.settle();
    books.queued(build);
    assert.equal(endingsOf(books.settle()).length, 1);
    for (let again = 0; again < 3; again += 1) {
      books.pass(1_000);
      assert.deepEqual(endingsOf(books.planOnce(one, true).orders), []);
    }
    assert.equal(books.ledger().pools[books.runner(names[0] as RunnerName).pool]?.standby, 2);
  });

  it('takes no idle runner for a place that comes free anyway, as a job has ended', () => {
    const pools = [poolSettings('lint'), poolSettings('build')];
    const books = createBooks(configurationOf(pools, [hostSettings('one', { limit: 2 })]));
    books.queued(lint);
    books.queued({ id: 3, labels: ['lint'] });
    const [a, b] = launchesOf(books.settle());
    assert(a && b);
    books.bringOnline(a);
    books.bringOnline(b);
    books.inProgress(lint, a);
    books.completed({ id: 3, labels: ['lint'] });
    books.settle();
    books.completed(lint, a);
    books.queued(build);
    assert.deepEqual(endingsOf(books.settle()), []);
    books.learn(a, { kind: 'gone', code: 'ended', why: 'exit 0' });
    assert.equal(launchesOf(books.settle()).length, 1);
  });

  it('comes back to a runner that GitHub called busy, when that is long ago and no job was heard of', () => {
    const books = createBooks(configurationOf([poolSettings('lint')]));
    books.queued(lint);
    const [name] = launchesOf(books.settle());
    assert(name);
    books.bringOnline(name);
    books.completed(lint);
    books.settle();
    books.pass(timing.idleMs);
    assert.deepEqual(endingsOf(books.settle()), [name]);
    books.learn(name, { kind: 'assigned' });
    const assignedAt = books.now();
    books.settle();
    books.pass(timing.idleMs);
    assert.deepEqual(endingsOf(books.settle()), []);
    assert.equal(books.ledger().wakeAt, assignedAt + timing.assignedMs);
    books.pass(timing.assignedMs - timing.idleMs);
    assert.deepEqual(endingsOf(books.settle()), [name]);
  });
});

describe('spares', () => {
  it('are ordered again when the host takes launches again, though no job waits', () => {
    const books = createBooks(configurationOf([poolSettings('lint', { spares: 1 })]));
    const [name] = launchesOf(books.settle());
    assert(name);
    books.learn(name, { kind: 'gone', code: 'throttled', why: 'too many calls' });
    assert.deepEqual(books.settle(), []);
    const until = books.ledger().throttled?.until ?? assert.fail('the host is not throttled');
    assert.equal(books.ledger().wakeAt, until);
    books.pass(until - books.now());
    assert.equal(launchesOf(books.settle()).length, 1);
  });
});
