import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type Books,
  configurationOf,
  createBooks,
  endingsOf,
  launchesOf,
  poolSettings,
} from '../../test/fixtures/books.ts';
import { jobAfter } from '../../test/fixtures/items.ts';
import { jobDeadline } from './deadline.ts';
import type { RunnerName } from './ids.ts';

const wish = { id: 1, labels: ['spot'] };
const noticeMs = 120_000;

/** A pool whose machines may be taken back, and its first runner, online or with the job. */
function stand({ rerunInterrupted = true, busy = true, attempt = 1 } = {}): {
  books: Books;
  runner: RunnerName;
} {
  const books = createBooks(configurationOf([poolSettings('spot', { rerunInterrupted })]));
  books.queued({ ...wish, runAttempt: attempt });
  const [runner] = launchesOf(books.settle());
  assert(runner);
  books.bringOnline(runner);
  if (busy) books.inProgress(wish, runner);
  books.settle();
  return { books, runner };
}

/** EC2's notice, two minutes ahead. */
function interrupt({ books, runner }: ReturnType<typeof stand>): string {
  const takenAt = books.now() + noticeMs;
  return books.learn(runner, { kind: 'interrupted', why: 'EC2 takes the spot machine back', takenAt });
}

function end({ books, runner }: ReturnType<typeof stand>, conclusion = 'failure'): void {
  books.completed({ ...wish, conclusion }, runner);
  books.settle();
}

const whats = (books: Books) => books.job(1).timeline.map(({ what }) => what);

describe('a runner whose machine is taken back', () => {
  it('is replaced at once where it has no job', () => {
    const one = stand({ busy: false });
    assert.equal(interrupt(one), 'changed');
    const orders = one.books.settle();
    assert.deepEqual(endingsOf(orders), [one.runner]);
    // The job was noted for it, so GitHub is asked before the second order; whoever asked is answered here.
    one.books.recordJob(1, { kind: 'stillQueued', purpose: 'secondOrder' });
    const [next] = launchesOf([...orders, ...one.books.settle()]);
    assert(next && next !== one.runner);
    assert.equal(one.books.runner(one.runner).removing?.code, 'interrupted');
    assert.equal(
      one.books.ledger().pools['spot' as never]?.['breaker'],
      null,
      'it says nothing about its pool',
    );
  });

  it('keeps its job, and is told of once', () => {
    const one = stand();
    assert.equal(interrupt(one), 'changed');
    const { state, removing, interruptedAt, timeline } = one.books.runner(one.runner);
    assert.deepEqual([state, removing, interruptedAt], ['busy', null, one.books.now() + noticeMs]);
    assert.equal(timeline.at(-1)?.what, 'interrupted');
    assert.equal(interrupt(one), 'unchanged');
    assert.deepEqual(one.books.settle(), []);
  });
});

describe('a job that lost its machine', () => {
  it('is to be run again, whichever is heard of first, its end or that of its machine', () => {
    for (const order of ['notice', 'endFirst', 'goneFirst'] as const) {
      const one = stand();
      const gone = { kind: 'gone', code: 'ended', why: 'EC2 took it' } as const;
      if (order === 'notice') interrupt(one);
      one.books.pass(noticeMs);
      if (order === 'endFirst') end(one);
      // No notice came: its end says why.
      one.books.learn(one.runner, {
        kind: 'interrupted',
        why: 'EC2 took it',
        takenAt: one.books.now() - 60_000,
      });
      one.books.learn(one.runner, gone);
      one.books.settle();
      one.books.pass(10 * 60_000);
      if (order !== 'endFirst') end(one);
      const job = one.books.job(1);
      assert.equal(jobDeadline(job)?.duty, 'rerun', order);
      assert.ok(whats(one.books).includes('its machine was taken back'), order);
    }
  });

  it('is to be run again where GitHub calls it cancelled, as its runner was stopped', () => {
    const one = stand();
    interrupt(one);
    one.books.pass(noticeMs + 5_000);
    end(one, 'cancelled');
    assert.equal(jobDeadline(one.books.job(1))?.duty, 'rerun');
  });

  it('is run again once, whatever is told twice', () => {
    const one = stand();
    interrupt(one);
    one.books.pass(noticeMs);
    end(one);
    one.books.recordJob(1, { kind: 'rerunSettled', isRerun: true, why: 'attempt 2 of its run' });
    end(one);
    one.books.learn(one.runner, { kind: 'gone', code: 'ended', why: 'EC2 took it' });
    one.books.settle(true);
    assert.equal(jobDeadline(one.books.job(1)), null);
    assert.equal(whats(one.books).filter((what) => what === 'run again').length, 1);
    assert.equal(one.books.recordJob(1, { kind: 'rerunPutOff' }).rerun?.dueAt, null);
  });

  it('is left as it is where it did not end by that, is a later attempt, or its pool does not want it', () => {
    const cases: [says: string, terms: Parameters<typeof stand>[0], conclusion: string, afterMs: number][] = [
      ['it succeeded in time', {}, 'success', noticeMs],
      ['it failed before its machine was taken', {}, 'failure', 30_000],
      ['somebody cancelled it before that', {}, 'cancelled', 30_000],
      ['somebody cancelled it long after', {}, 'cancelled', noticeMs + 300_000],
      ['it was run again before', { attempt: 2 }, 'failure', noticeMs],
      ['its pool does not want it', { rerunInterrupted: false }, 'failure', noticeMs],
    ];
    for (const [says, terms, conclusion, afterMs] of cases) {
      const one = stand(terms);
      interrupt(one);
      one.books.pass(afterMs);
      end(one, conclusion);
      assert.equal(jobDeadline(one.books.job(1)), null, says);
    }
    const untouched = stand();
    end(untouched);
    assert.equal(untouched.books.job(1).rerun, null, 'nothing was taken back');
  });

  it('is asked for ever less often while its run goes on, and given up after a day', () => {
    const one = stand();
    interrupt(one);
    one.books.pass(noticeMs);
    end(one);
    let job = one.books.job(1);
    const since = job.rerun?.since ?? 0;
    const waitsMs: number[] = [];
    for (let asks = 0; jobDeadline(job) !== null; asks += 1) {
      assert.ok(asks < 200, 'it is bounded');
      const at = jobDeadline(job)?.at ?? 0;
      job = jobAfter(job, at, { kind: 'rerunPutOff' });
      waitsMs.push((jobDeadline(job)?.at ?? at) - at);
    }
    assert.deepEqual(waitsMs.slice(0, 4), [30_000, 30_000, 60_000, 120_000]);
    assert.equal(Math.max(...waitsMs), 10 * 60_000);
    const last = job.timeline.at(-1);
    assert.equal(last?.what, 'not run again');
    assert.ok((last?.at ?? 0) - since >= 24 * 3_600_000);
  });
});

describe('the runner of a later attempt', () => {
  const again = { id: 2, labels: ['spot'], runAttempt: 2 };

  it('is on a machine that is not taken back, where its pool runs jobs again', () => {
    for (const rerunInterrupted of [true, false]) {
      const books = createBooks(configurationOf([poolSettings('spot', { rerunInterrupted })]));
      books.queued(wish);
      books.queued(again);
      const runners = launchesOf(books.settle()).map(books.runner);
      const steady = runners.filter(({ steady }) => steady).map(({ forJob }) => forJob);
      assert.deepEqual(steady, rerunInterrupted ? [books.job(2).key] : []);
    }
  });

  it('is not a spare while another job can have that', () => {
    const spot = poolSettings('spot', { rerunInterrupted: true, spares: 1 });
    const books = createBooks(configurationOf([spot]));
    books.queued({ id: 9, labels: ['spot'] });
    const ordered = launchesOf(books.settle());
    const busy = ordered.find((name) => books.runner(name).lane !== null);
    const spare = ordered.find((name) => books.runner(name).lane === null);
    assert(busy && spare);
    books.bringOnline(busy);
    books.inProgress({ id: 9, labels: ['spot'] }, busy);
    books.settle();
    books.learn(spare, { kind: 'lease', owner: 'o', until: books.now() + 30_000 });
    books.learn(spare, { kind: 'mark', owner: 'o' });
    books.learn(spare, { kind: 'launched', machine: 'm' as never });
    books.learn(spare, { kind: 'standby' });
    books.learn(spare, { kind: 'rested' });
    books.settle();
    books.queued(again);
    books.queued({ ...wish, createdAt: books.now() + 1 });
    const runners = launchesOf(books.settle()).map(books.runner);
    const of = (id: number) => runners.find(({ forJob }) => forJob === books.job(id).key);
    assert.deepEqual([of(1)?.activates?.spare, of(1)?.steady], [spare, false]);
    assert.deepEqual([of(2)?.activates, of(2)?.steady], [null, true]);
  });
});
